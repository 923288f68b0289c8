// Measures in the page how long it takes from an event before the camera or the microphone to its visible change.
// A patch in the corner of the fed video turns white and black with what is before the camera, and tells in which frame that was taken.
(() => {
  const events = []; // {kind, state, at}: what happened before the glass, in milliseconds of performance.now()
  const shown = []; // {kind, state, at}: what the page showed of it, when the frame that has it was out
  const frames = []; // when each frame began
  window.glass = { events, shown, frames };

  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await open(wanted);
    if (stream.getVideoTracks().length) look(stream);
    if (stream.getAudioTracks().length) listen(stream);
    return stream;
  };

  function look(stream) {
    const video = document.createElement('video');
    video.muted = true;
    video.srcObject = stream;
    video.play();
    const canvas = new OffscreenCanvas(1, 1);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    let before = null;
    const take = (now, { captureTime }) => {
      video.requestVideoFrameCallback(take);
      context.drawImage(video, 4, 4, 8, 8, 0, 0, 1, 1);
      const state = context.getImageData(0, 0, 1, 1).data[0] > 127;
      if (before !== null && state !== before) events.push({ kind: 'camera', state, at: captureTime ?? now });
      before = state;
    };
    video.requestVideoFrameCallback(take);
  }

  function listen(stream) {
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 1024 });
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let quiet = 0; // since when nothing is heard
    setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const now = performance.now();
      const first = samples.findIndex((sample) => Math.abs(sample) > 0.02);
      if (first < 0) quiet ||= now;
      else {
        const at = now - ((samples.length - first) / context.sampleRate) * 1000;
        if (quiet && now - quiet > 1000) events.push({ kind: 'microphone', state: true, at });
        quiet = 0;
      }
    }, 8);
  }

  const told = (box) => (box ? `${box.dataset.label} ${box.dataset.score}` : null);
  let last = {};
  const watch = (now) => {
    frames.push(now);
    const seen = {
      face: Boolean(document.querySelector('[data-face]')),
      smile: told(document.querySelector('[data-face]')),
      voice: document.querySelector('[data-last-speech]')?.dataset.lastSpeech ?? null,
    };
    for (const [kind, state] of Object.entries(seen))
      if (state !== last[kind]) requestAnimationFrame((at) => shown.push({ kind, state, at })); // the next frame begins when this one is out
    last = seen;
    requestAnimationFrame(watch);
  };
  requestAnimationFrame(watch);
})();
