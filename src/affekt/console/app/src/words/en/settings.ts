export default {
  copy: 'Copy',
  copied: 'Copied',
  copy_failed: 'The browser does not let this page copy: mark the text and copy it by hand.',
};
