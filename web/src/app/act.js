// What is done to messages: it shows at once, and the server hears of it meanwhile. If that
// fails, the list is as it was, and a line says why. Everything else can be taken back.
import {$, $$, words, token, make, toast, hideToast, confirmed, beside} from './dom.js';
import {panes, ask, go, again, forget, rowOf, Told} from './swap.js';
import {chosen, leaving, rowsOf, valueOf, drop, outdate, refresh, restore, chooseAll, cursor} from './list.js';

// Those after which messages are not in the list any more.
const moves = new Set(['archive', 'trash', 'junk', 'notjunk', 'inbox', 'move', 'delete']);

// What the others do to a row.
const marks = {
  read: li => { li.classList.replace('unread', 'read'); $('.dot', li).replaceChildren(); },
  unread: li => {
    li.classList.replace('read', 'unread');
    const s = document.createElement('span');
    s.className = 'only-read';
    s.textContent = words.unread;
    $('.dot', li).replaceChildren(s);
  },
  star: li => {
    li.classList.add('starred');
    if (!$('.star', li)) $('.marks', li).append($('#words').content.firstElementChild.cloneNode(true));
  },
  unstar: li => { li.classList.remove('starred'); $('.star', li)?.remove(); },
};

let last; // what can be taken back
let begun = 0; // acts; an answer says something only if nothing was done since

export function beginActs() {
  document.addEventListener('submit', submitted);
  document.addEventListener('change', e => {
    // Choosing a folder from the keyboard goes through every one above it: only the button moves.
    if (e.target.id === 'to' && e.target.dataset.asked) {
      delete e.target.dataset.asked;
      act('move', selected(), {to: e.target.value});
      e.target.value = '';
    }
  });
}

/** What an action is for: what is selected, the row with the keyboard, or what is open. */
export function selected() {
  if (chosen.size) return [...chosen];
  const li = cursor();
  if (li && document.activeElement?.closest('.messages')) return [valueOf(li)];
  const open = $('form.acts input[name=m]', panes.reader);
  if (open) {
    const row = rowOf(panes.reader.dataset.url)?.closest('li');
    return [row ? valueOf(row) : open.value];
  }
  return li ? [valueOf(li)] : [];
}

function submitted(e) {
  const f = e.target, to = new URL(e.submitter?.formAction || f.action, location);
  if (e.defaultPrevented || f.method !== 'post' || to.origin !== location.origin) return;
  if (to.pathname.startsWith('/undo/')) {
    e.preventDefault();
    takeBack(to.pathname);
    return;
  }
  if (to.pathname !== '/act' || !panes.list) return;
  e.preventDefault();
  const data = new FormData(f, e.submitter), op = data.get('op');
  const extra = Object.fromEntries([...data].filter(([k]) => !['m', 'op', 'token', 'next'].includes(k)));
  const list = f.matches('.lines');
  let values = data.getAll('m');
  if (list) values = extra.all ? [] : selected();
  else {
    const row = rowOf(panes.reader.dataset.url ?? location.href)?.closest('li');
    if (row && values.length === 1 && f.closest('.bar') && moves.has(op)) values = [valueOf(row)]; // the line as a whole
  }
  act(op, values, extra);
}

/** Does it. The answer of the server is awaited where nobody waits for it. */
export async function act(op, values, extra = {}, after) {
  const all = !!extra.all;
  if (!all) delete extra.all;
  if (!values.length && !all) return;
  if (op === 'move' && !extra.to) {
    const to = $('#to');
    if (!to) return;
    to.dataset.asked = 'yes';
    to.focus();
    to.showPicker?.();
    return;
  }
  if (op === 'delete' && !await confirmed('delete')) return;
  const rows = all ? [] : rowsOf(values);
  show(op, rows, values, after);
  const body = new URLSearchParams({...extra, op, token});
  if (!all) values.forEach(v => body.append('m', v));
  if (moves.has(op)) values.forEach(v => leaving.add(v));
  forget();
  const mine = ++begun;
  try {
    const answer = await tell('/act', body);
    if (mine === begun) {
      last = answer.undo && `/undo/${answer.undo}`;
      toast(answer.text, last && words.undo, () => undo());
    }
  } catch (e) {
    if (!(e instanceof Told)) throw e;
  } finally {
    outdate(); // or a list from before it would show again what has left
    values.forEach(v => leaving.delete(v));
    refresh();
    if (!moves.has(op) && panes.reader.dataset.url) again('reader', {unasked: true});
  }
}

function show(op, rows, values, after) {
  if (marks[op]) {
    for (const li of rows) {
      li.touched = true;
      marks[op](li);
    }
    if (op === 'unread' && !chosen.size && panes.reader.dataset.url) go(panes.list.dataset.url ?? back());
    chooseAll(null);
    return;
  }
  if (!moves.has(op)) return;
  const open = panes.reader.dataset.url && rowOf(panes.reader.dataset.url)?.closest('li');
  const own = $('form.acts input[name=m]', panes.reader)?.value;
  const gone = open ? rows.includes(open) : values.includes(own);
  const next = after === 'newer' ? rows[0]?.previousElementSibling : null;
  const below = drop(rows);
  values.forEach(v => chosen.delete(v));
  if (!gone) return;
  const to = next ?? below;
  if (to && (beside() || after)) go($('a', to).href, {push: true});
  else go(panes.list.dataset.url ?? back());
}

const back = () => $('.bar > a', panes.reader)?.href ?? '/';

async function tell(url, body) {
  const answer = await ask(url, {accept: 'application/json', body});
  const data = answer.headers.get('Content-Type')?.startsWith('application/json') ? await answer.json() : {};
  if (!answer.ok || !('text' in data)) {
    toast(data.error ?? words.failed);
    throw new Told();
  }
  return data;
}

/** A message that was sent can be taken back for some seconds, which the button counts. */
export function countDown() {
  const t = $('.toast[data-left]'), button = t && $('.undo', t);
  if (!button) return;
  last = new URL(button.form.action).pathname;
  const text = button.textContent, until = Date.now() + t.dataset.left * 1000;
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    if (!t.isConnected) return;
    if (left <= 0) {
      t.remove();
      return;
    }
    button.replaceChildren(text, make('span', {class: 'left', 'aria-hidden': 'true'}, ` ${left}`));
    setTimeout(tick, 250);
  };
  tick();
}

/** Takes back the last action. */
export function undo() {
  if (last) takeBack(last);
}

async function takeBack(url) {
  const mine = ++begun;
  last = null;
  hideToast();
  $$('.toast').forEach(t => t.remove());
  try {
    const answer = await tell(url, new URLSearchParams({token}));
    if (answer.next) {
      location.assign(answer.next);
      return;
    }
    if (mine === begun) toast(answer.text);
  } catch (e) {
    if (!(e instanceof Told)) throw e;
  }
  if (!panes.list) return;
  forget();
  outdate();
  restore();
  if (panes.reader.dataset.url) again('reader', {unasked: true});
}
