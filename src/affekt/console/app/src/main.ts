import './styles/tokens.css';
import './styles/base.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { startRoute } from './state/route.svelte';
import { startTheme } from './state/theme.svelte';
import { preferredLang, speak } from './words/index.svelte';

startTheme();
startRoute();
await speak(preferredLang(), { keep: false });
mount(App, { target: document.getElementById('app')! });
