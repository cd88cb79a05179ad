// Frames as tall as the messages in them. A frame has no scripts, but the page's origin, so
// that the page can look how tall its document is.
import {$$, style} from './dom.js';

const tallest = 60_000; // beyond it the frame scrolls
let count = 0;

/** Called with keys that are pressed in a frame. */
export const keys = {pressed: null};

export function beginFrames() {
  document.addEventListener('load', e => { if (e.target.matches?.('article iframe')) fit(e.target); }, true);
  $$('article iframe').forEach(f => {
    if (f.contentDocument?.readyState === 'complete' && f.contentDocument.URL !== 'about:blank') fit(f);
  });
}

function fit(frame) {
  const inside = frame.contentDocument;
  if (!inside?.body) return; // it has an origin of its own after all
  if (!frame.id) frame.id = `frame${++count}`;
  inside.documentElement.classList.add('fits');
  let was;
  const size = () => {
    if (!frame.isConnected) {
      watch.disconnect();
      style(`#${frame.id}`, '');
      return;
    }
    const tall = Math.min(tallest, Math.ceil(Math.max(inside.body.getBoundingClientRect().height, inside.body.scrollHeight))) + 2;
    if (tall === was) return;
    was = tall;
    // The bar of what is too wide needs its place, too.
    const wide = inside.documentElement.scrollWidth > inside.documentElement.clientWidth ? 18 : 0;
    style(`#${frame.id}`, `flex:none;min-block-size:48px;block-size:${tall + wide}px`);
  };
  const watch = new ResizeObserver(size);
  watch.observe(inside.body);
  size();
  inside.addEventListener('keydown', e => keys.pressed?.(e));
}
