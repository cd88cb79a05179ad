// Pages in place: a link to a list or a message is fetched and shown in its pane, with its
// own address and title, and the way back. All other links load their pages.
//
// There are two panes: the list and the reader. In wide windows they stand beside each other;
// in narrow ones one of them is shown, and the other one waits as it was.
import {$, $$, root, words, parse, make, say, style, still, beside, toast, confirmed} from './dom.js';

/** The panes: list and reader. Each has the address of what it shows, or none. */
export const panes = {list: null, reader: null};

let main, returnFocus;

/** Makes the panes of the page that was loaded; false if it has none. */
export function begin() {
  main = $('#main');
  const kind = ['list', 'reader'].find(k => main.classList.contains(k));
  if (!kind) return false;
  const content = [...main.childNodes];
  for (const k of ['list', 'reader']) {
    panes[k] = make('div', {class: `pane ${k}`, id: `pane-${k}`});
  }
  panes[kind].append(...content);
  panes[kind].dataset.url = here();
  panes[kind].dataset.title = document.title;
  main.className = 'panes';
  main.replaceChildren(panes.list, sash(), panes.reader);
  if (kind === 'list') rest();
  shows(kind);
  fill();
  history.scrollRestoration = 'manual';
  history.replaceState({wm: kind}, '');
  addEventListener('popstate', () => go(here(), {push: false}));
  document.addEventListener('click', clicked);
  matchMedia('(min-width: 1100px)').addEventListener('change', fill);
  return true;
}

const here = () => location.pathname + location.search;

/** What an address leads to: list, reader, or undefined for a page of its own. */
export function kindOf(url) {
  const {pathname, origin} = new URL(url, location);
  if (origin !== location.origin) return undefined;
  if (/^\/m\/[a-z2-7]{20}$/.test(pathname)) return 'reader';
  if (/^\/f\/[^/]+$/.test(pathname) || pathname === '/search' && panes.list?.dataset.url?.startsWith('/search')) return 'list';
  return undefined;
}

/** The pane that a person looks at in a narrow window. */
function shows(kind) {
  root.dataset.shows = kind;
}

// The list beside a message that was opened by itself.
async function fill() {
  if (!beside() || panes.list.dataset.url || !panes.reader.dataset.url) return;
  const back = $('.bar > a', panes.reader);
  if (!back || kindOf(back.href) !== 'list') return;
  const url = path(back.href);
  const page = await fetched(url, {unasked: true});
  if (page?.ok && !panes.list.dataset.url) put('list', url, page, false);
}

// What the reader shows when no message is open.
function rest() {
  delete panes.reader.dataset.url;
  panes.reader.replaceChildren($('#pane').content.cloneNode(true));
  panes.reader.classList.add('resting');
}

export const path = url => {
  const u = new URL(url, location);
  return u.pathname + u.search;
};

/** Raised where there is nothing more to do: the person has been told. */
export class Told extends Error {}

/** Asks the server. What is wrong with the connection or the session is told here. */
export async function ask(url, {part = 'main', visit, unasked, accept = 'text/html', body, signal} = {}) {
  const headers = {'X-Wm-Fragment': part, Accept: accept};
  if (visit) headers['X-Wm-Visit'] = '1';
  if (unasked) headers['X-Wm-Unasked'] = '1';
  let answer;
  try {
    answer = await fetch(url, {method: body ? 'POST' : 'GET', headers, body, signal});
  } catch (e) {
    if (e.name === 'AbortError') throw new Told();
    offline(true);
    throw new Told();
  }
  offline(false);
  if (answer.status === 401) {
    ended();
    throw new Told();
  }
  return answer;
}

let asking;

/** The session is over: nothing is lost on the page, and one click leads to the login. */
async function ended() {
  if (asking) return;
  asking = true;
  if (await confirmed('ended')) location.assign(here());
  asking = false;
}

/** Shows or hides that the server cannot be reached. */
export function offline(yes) {
  const old = $('#offline');
  if (!yes || old) {
    if (!yes) old?.remove();
    return;
  }
  const again = make('button', {type: 'button', class: 'quiet'}, words.retry);
  again.addEventListener('click', () => { dispatchEvent(new Event('online')); });
  main?.before(make('div', {id: 'offline', role: 'alert'}, make('p', {}, words.offline), again));
}

/** A page as it came: its document, and where it was in the end. */
async function read(answer) {
  if (!answer.headers.get('Content-Type')?.startsWith('text/html')) {
    toast(words.failed);
    throw new Told();
  }
  return {ok: answer.ok, url: path(answer.url), document: parse(await answer.text())};
}

const ahead = new Map(); // pages fetched before anybody asked, by address
const aheadFor = 30_000, aheadMost = 12;

/** Fetches a message that is likely to be opened. It is not a visit. */
export function prefetch(url) {
  if (ahead.has(url) || kindOf(url) !== 'reader' || navigator.connection?.saveData) return;
  if (ahead.size >= aheadMost) ahead.delete(ahead.keys().next().value);
  const page = ask(url, {unasked: true}).then(read).catch(() => { ahead.delete(url); return null; });
  ahead.set(url, page);
  setTimeout(() => { if (ahead.get(url) === page) ahead.delete(url); }, aheadFor);
}

/** Forgets what was fetched ahead: messages have changed. */
export const forget = () => ahead.clear();

/** Fetches a page; null if that failed and the person knows. */
export async function fetched(url, options = {}) {
  const early = options.visit && ahead.get(url);
  try {
    if (early) {
      ahead.delete(url);
      const page = await early;
      if (page?.ok) {
        ask(url, {part: 'none', visit: true}).catch(() => {});
        return page;
      }
    }
    return await read(await ask(url, options));
  } catch (e) {
    if (e instanceof Told) return null;
    throw e;
  }
}

let going;

/** Goes to an address: shows its page in its pane, or loads it. */
export async function go(url, {push = true, focus = true} = {}) {
  url = path(url);
  const kind = kindOf(url);
  if (!kind) {
    if (push) location.assign(url); else location.reload();
    return;
  }
  const mine = going = {};
  const known = panes[kind].dataset.url === url;
  const page = known ? null : await fetched(url, {visit: kind === 'reader'});
  if (mine !== going || !known && !page) return;
  const swap = () => {
    if (page) {
      put(kind, page.url, page, focus);
    }
    if (kind === 'list') closeReader(focus);
    shows(kind);
    if (kind === 'reader' && !beside()) scrollTo(0, 0);
  };
  if (!beside() && document.startViewTransition && !still.matches) {
    await document.startViewTransition(swap).updateCallbackDone;
  } else {
    swap();
  }
  if (push) history.pushState({wm: kind}, '', panes[kind].dataset.url);
  document.title = panes[kind].dataset.title;
  if (kind === 'reader') {
    fill();
    mark(focus);
  }
}

/** Puts a page into a pane. */
function put(kind, url, page, focus) {
  const sheet = $('main', page.document), html = page.document.documentElement;
  if (html.lang && html.lang !== root.lang) {
    location.assign(url);
    return;
  }
  for (const name of ['theme', 'density', 'layout']) root.dataset[name] = html.dataset[name];
  const pane = panes[kind];
  if (kind === 'reader' && root.dataset.shows === 'list' && !beside()) returnFocus = {y: scrollY};
  const find = $('header form.find'), fresh = $('form.find', page.document);
  if (find && fresh && kind === 'list' && !find.contains(document.activeElement)) find.replaceChildren(...fresh.childNodes);
  pane.className = `pane ${kind}`;
  pane.dataset.url = url;
  pane.dataset.title = page.document.title;
  pane.replaceChildren(...sheet.childNodes);
  pane.scrollTop = 0;
  const done = $('.toast p', page.document);
  if (done) toast(done.textContent);
  levels();
  if (kind === 'list') {
    for (const a of $$('.folders a[data-mailbox]')) {
      if (idOf(a.href) === idOf(url)) a.setAttribute('aria-current', 'page'); else a.removeAttribute('aria-current');
    }
  }
  document.dispatchEvent(new CustomEvent('wm:show', {detail: {pane, kind, url, focus}}));
}

// One heading of the first level is enough: that of the message, if one is open.
function levels() {
  const open = panes.reader.dataset.url;
  for (const h of $$(open ? '.bar > h1' : '.bar > .h1', panes.list)) {
    const other = make(open ? 'h2' : 'h1', open ? {class: 'h1'} : {});
    other.append(...h.childNodes);
    h.replaceWith(other);
  }
}

function closeReader(focus) {
  if (!panes.reader.dataset.url) return;
  const row = rowOf(panes.reader.dataset.url);
  rest();
  levels();
  $$('.messages a[aria-current]').forEach(a => a.removeAttribute('aria-current'));
  if (returnFocus && !beside()) requestAnimationFrame(() => scrollTo(0, returnFocus.y));
  if (focus) row?.focus({preventScroll: true});
}

const idOf = url => new URL(url, location).pathname;

/** The link of the row that shows a message. */
export const rowOf = url => $$('.messages a', panes.list).find(a => idOf(a.href) === idOf(url));

/** Marks the row of the message that is open, and says which it is. */
export function mark(focus) {
  $$('.messages a[aria-current]').forEach(a => a.removeAttribute('aria-current'));
  const url = panes.reader.dataset.url;
  if (!url) return;
  const a = rowOf(url);
  if (a) {
    a.setAttribute('aria-current', 'true');
    const li = a.closest('li');
    if (li.classList.replace('unread', 'read')) $('.dot', li).replaceChildren();
    if (focus && beside()) {
      a.focus({preventScroll: true});
      li.scrollIntoView({block: 'nearest'});
    }
  }
  if (focus && !beside()) {
    const h = $('h1', panes.reader);
    h?.setAttribute('tabindex', '-1');
    h?.focus({preventScroll: true});
  } else if (focus) {
    say(words.opened.replace('{subject}', $('h1', panes.reader)?.textContent.trim() ?? ''));
  }
}

/** Looks again at what a pane shows. */
export async function again(kind, options = {}) {
  const url = panes[kind].dataset.url;
  if (!url) return;
  const page = await fetched(url, options);
  if (!page || panes[kind].dataset.url !== url) return;
  if (kind === 'list') {
    put(kind, url, page, false);
    return;
  }
  // What a message says does not change, and loading its frame anew would be seen.
  const parts = $$('.letter', panes.reader).flatMap(l => [`#${l.id} > .sender`, `#${l.id} footer.answer`]);
  for (const part of ['.bar', 'article > h1', ...parts]) {
    const old = $(part, panes.reader), fresh = $(`main ${part}`, page.document);
    if (old && fresh) old.replaceChildren(...fresh.childNodes);
  }
}

function clicked(e) {
  const a = e.target.closest?.('a[href]');
  if (!a || e.defaultPrevented || e.button || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey || a.target || a.hasAttribute('download')) return;
  if (new URL(a.href).hash || !kindOf(a.href)) return;
  e.preventDefault();
  const folders = a.closest('.folders');
  if (folders?.matches(':popover-open')) folders.hidePopover();
  if (folders) $$('.folders a[aria-current]').forEach(x => x.removeAttribute('aria-current'));
  if (folders) a.setAttribute('aria-current', 'page');
  go(a.href);
}

// The bar between the panes: pulled, or moved with the arrow keys.
function sash() {
  const s = make('div', {class: 'sash', role: 'separator', tabindex: '0', 'aria-orientation': 'vertical', 'aria-valuemin': '25', 'aria-valuemax': '65', 'aria-label': words.sash});
  const set = n => {
    n = Math.round(Math.min(65, Math.max(25, n)));
    s.setAttribute('aria-valuenow', n);
    style(':root', `--list:${n}%`);
    sessionStorage.setItem('sash', n);
  };
  set(+sessionStorage.getItem('sash') || 40);
  const rtl = () => root.dir === 'rtl', under = () => root.dataset.layout === 'below';
  const turn = () => s.setAttribute('aria-orientation', under() ? 'horizontal' : 'vertical');
  turn();
  new MutationObserver(turn).observe(root, {attributeFilter: ['data-layout']});
  s.addEventListener('keydown', e => {
    const step = (under() ? {ArrowUp: -2, ArrowDown: 2} : {ArrowLeft: -2, ArrowRight: 2})[e.key];
    if (!step) return;
    e.preventDefault();
    e.stopPropagation(); // the arrows also walk through the list
    set(+s.getAttribute('aria-valuenow') + (rtl() && !under() ? -step : step));
  });
  s.addEventListener('pointerdown', e => {
    s.setPointerCapture(e.pointerId);
    const move = e => {
      const box = main.getBoundingClientRect();
      const at = (under() ? (e.clientY - box.top) / box.height : (e.clientX - box.left) / box.width) * 100;
      set(rtl() && !under() ? 100 - at : at);
    };
    s.addEventListener('pointermove', move);
    s.addEventListener('lostpointercapture', () => s.removeEventListener('pointermove', move), {once: true});
  });
  return s;
}
