// Dragging messages to folders, swiping rows away, holding one to select it. Buttons and keys
// do all of it as well.
import {$, $$, root} from './dom.js';
import {panes} from './swap.js';
import {chosen, choose, valueOf} from './list.js';
import {act} from './act.js';

let dragged;

export function beginTouch() {
  panes.list.addEventListener('dragstart', e => {
    const li = e.target.closest?.('.messages li');
    if (!li) return;
    dragged = chosen.has(valueOf(li)) ? [...chosen] : [valueOf(li)];
    e.dataTransfer.effectAllowed = 'move';
    e.dataTransfer.setData('text/plain', $('.subject', li)?.textContent ?? '');
    root.classList.add('dragging');
  });
  document.addEventListener('dragend', () => {
    dragged = null;
    root.classList.remove('dragging');
    aim(null);
  });
  document.addEventListener('dragover', e => {
    const folder = target(e);
    aim(folder);
    if (folder) {
      e.preventDefault();
      e.dataTransfer.dropEffect = 'move';
    }
  });
  document.addEventListener('drop', e => {
    const folder = target(e);
    if (!folder) return;
    e.preventDefault();
    act('move', dragged, {to: folder.dataset.mailbox});
  });
  panes.list.addEventListener('pointerdown', down);
}

const target = e => (dragged && e.target.closest?.('.folders a[data-mailbox]:not([aria-current])')) || null;

function aim(folder) {
  $$('.folders .aimed').forEach(x => { if (x !== folder) x.classList.remove('aimed'); });
  folder?.classList.add('aimed');
}

const hold = 500, far = 0.3; // milliseconds; of the width of a row

// A finger on a row: it holds, it swipes, or it is none of our business.
function down(e) {
  const li = e.target.closest('.messages li');
  if (!li || e.pointerType === 'mouse' || !e.isPrimary) return;
  const x = e.clientX, y = e.clientY, id = e.pointerId;
  const finger = new AbortController();
  let swiping = false, held = false, dx = 0;
  li.draggable = false;
  const timer = setTimeout(() => {
    held = true;
    choose(li, !chosen.has(valueOf(li)));
    navigator.vibrate?.(10);
  }, hold);
  const move = e => {
    if (e.pointerId !== id || held) return;
    dx = e.clientX - x;
    if (!swiping && Math.hypot(dx, e.clientY - y) > 10) {
      clearTimeout(timer);
      swiping = Math.abs(dx) > 2 * Math.abs(e.clientY - y) && !!does(dx);
      if (!swiping) end();
    }
    if (swiping) {
      li.dataset.swipe = does(dx) ?? '';
      li.classList.toggle('far', Math.abs(dx) > far * li.offsetWidth);
      li.style.translate = does(dx) ? `${dx}px` : '';
    }
  };
  const end = () => {
    clearTimeout(timer);
    li.draggable = true;
    finger.abort();
    li.classList.remove('far');
    delete li.dataset.swipe;
    li.removeAttribute('style');
  };
  const up = e => {
    if (e.pointerId !== id) return;
    const done = swiping && Math.abs(dx) > far * li.offsetWidth && does(dx);
    end();
    if (swiping || held) addEventListener('click', e => { e.preventDefault(); e.stopPropagation(); }, {capture: true, once: true, signal: AbortSignal.timeout(400)});
    if (done) act(turned(done, li), [valueOf(li)]);
  };
  const {signal} = finger;
  addEventListener('pointermove', move, {signal});
  addEventListener('pointerup', up, {signal});
  addEventListener('pointercancel', end, {signal});
  li.addEventListener('contextmenu', e => e.preventDefault(), {once: true, signal: AbortSignal.timeout(2 * hold)});
}

// What swiping does: to the end of the line, and to its start. "-" is the default.
function does(dx) {
  const [end, start] = root.dataset.swipe.trim().split(' ');
  const toEnd = dx > 0 === (root.dir !== 'rtl');
  const name = toEnd ? (end === '-' ? 'archive' : end) : start === '-' ? 'trash' : start;
  return name === 'none' ? null : name;
}

// Read and star turn what is there.
function turned(name, li) {
  if (name === 'read' && li.classList.contains('read')) return 'unread';
  if (name === 'star' && li.classList.contains('starred')) return 'unstar';
  return name;
}
