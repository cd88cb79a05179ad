// The keyboard. The map that people read is internal/webmail/keys.go; a test holds that both
// have the same keys.
import {$, $$, root, beside} from './dom.js';
import {panes, go} from './swap.js';
import {chosen, choose, chooseAll, cursor, step, valueOf} from './list.js';
import {act, selected, undo} from './act.js';
import {keys as frames} from './frames.js';

const press = selector => $(selector, panes.reader ?? document)?.click();
const folder = use => () => $(`.folders a[data-use="${use}"]`)?.click();
const op = (name, after) => () => act(name, selected(), {}, after);

function star() {
  const values = selected(), li = cursor();
  const row = $$('.messages li').find(x => values.includes(valueOf(x))) ?? li;
  act(row?.classList.contains('starred') ? 'unstar' : 'star', values);
}

function trash() {
  const b = $('.lines .acts button[value=trash], .lines .acts button[value=delete]');
  act(b?.value ?? 'trash', selected());
}

function back() {
  if (panes.reader?.dataset.url) go(panes.list.dataset.url ?? $('.bar > a', panes.reader).href);
}

function close() {
  if (chosen.size) chooseAll(null);
  else if (panes.reader?.dataset.url && !beside()) back();
}

function move() {
  const to = $('#to');
  if (!to || !selected().length) return;
  to.dataset.asked = 'yes';
  to.focus();
  to.showPicker?.();
}

// The messages of a conversation.
function part(n) {
  const all = $$('article details > summary, article[id]', panes.reader ?? document);
  if (!all.length) return;
  const at = all.findIndex(x => x === document.activeElement || x.contains(document.activeElement));
  const to = all[Math.min(all.length - 1, Math.max(0, at < 0 ? (n > 0 ? 0 : all.length - 1) : at + n))];
  if (!to.matches('summary')) to.tabIndex = -1;
  to.focus();
  to.scrollIntoView({block: 'nearest'});
}

function help() {
  const d = $('#keys');
  if (d && !d.open) d.showModal();
}

function search() {
  const q = $('input[name=q]');
  if (q) q.focus(); else location.assign('/search');
}

// Those that stand alone.
const single = {
  'j': () => step(1), 'ArrowDown': () => step(1),
  'k': () => step(-1), 'ArrowUp': () => step(-1),
  'J': () => step(1, true), 'K': () => step(-1, true),
  'o': () => { const a = cursor() && $('a', cursor()); if (a) go(a.href); },
  'u': back,
  'n': () => part(1), 'p': () => part(-1),
  '/': search,
  'x': () => { const li = cursor(); if (li) choose(li, !chosen.has(valueOf(li))); },
  'e': op('archive'), '#': trash, 'Delete': trash, '!': op('junk'), 'v': move, 's': star,
  'I': op('read'), 'U': op('unread'),
  '[': op('archive', 'newer'), ']': op('archive', 'older'),
  'z': undo,
  'c': () => location.assign('/compose'),
  'r': () => press('a[href^="/compose?reply="]'), 'a': () => press('a[href^="/compose?replyall="]'), 'f': () => press('a[href^="/compose?forward="]'),
  '?': help, 'Escape': close,
};

// Those after another one.
const pairs = {
  'g': {'i': folder('inbox'), 's': folder('sent'), 'd': folder('draft'), 't': folder('trash'), 'a': folder('archive')},
  '*': {
    'a': () => chooseAll(() => true), 'n': () => chooseAll(null),
    'r': () => chooseAll(li => li.classList.contains('read')), 'u': () => chooseAll(li => li.classList.contains('unread')),
    's': () => chooseAll(li => li.classList.contains('starred')),
  },
};

let prefix, until = 0;

export function beginKeys() {
  if (root.dataset.keys === 'off') return;
  document.addEventListener('keydown', pressed);
  frames.pressed = pressed;
}

const arrows = new Set(['ArrowDown', 'ArrowUp']);

function pressed(e) {
  if (e.defaultPrevented || e.isComposing || e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open], :popover-open')) return;
  const t = e.target;
  if (t.closest?.('input:not([type=checkbox]), textarea, select, [contenteditable], [role=separator], details.views[open]')) return;
  // Arrows scroll, but in the list.
  if (arrows.has(e.key) && !t.closest?.('.messages')) return;
  const after = prefix && Date.now() < until ? pairs[prefix] : null;
  prefix = null;
  const f = after ? after[e.key] : single[e.key];
  if (!after && pairs[e.key]) {
    prefix = e.key;
    until = Date.now() + 1500;
    e.preventDefault();
    return;
  }
  if (!f || !panes.list && !['/', 'c', 'z', '?'].includes(e.key) && !after) return;
  e.preventDefault();
  f();
}
