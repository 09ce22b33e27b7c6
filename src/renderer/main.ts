import { mount } from 'svelte';
import './tokens.css';
import './base.css';
import Window from './Window.svelte';
import { connectClient } from './client.ts';

const target = document.getElementById('app');
if (target === null) throw new Error('the page has no element "app"');
mount(Window, { target, props: { client: connectClient() } });
