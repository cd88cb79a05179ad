// The list: one as long as the folder, of which at most three pages of rows are there at any
// time; the rest is space, in which the rows appear when they are scrolled to. And what is
// selected, which outlives the rows.
import {$, $$, root, words, parse, make, say, style, beside, calm} from './dom.js';
import {panes, ask, again, prefetch, rowOf, mark, Told, go} from './swap.js';

const most = 3; // pages kept
const tallest = 15e6; // pixels: browsers lose elements that are much taller than that

let form, ul, above, below;
let first, total, per, height, busy;

/** What is selected: values of boxes. It may hold rows that are not there at the moment. */
export const chosen = new Set();

/** Values of rows that are on their way out. */
export const leaving = new Set();

let anchor; // the row from which ranges are counted

let age = 0; // of what the server has: what was asked for at another age is not shown

/** What was asked for until now and has not come yet is out of date: the server has been told of something. */
export function outdate() {
  age++;
}

export function beginList() {
  addEventListener('scroll', look, {passive: true, capture: true});
  addEventListener('resize', look, {passive: true});
  document.addEventListener('wm:show', e => { if (e.detail.kind === 'list') take(); else look(); });
  panes.list.addEventListener('change', changed);
  panes.list.addEventListener('click', picked);
  let over;
  panes.list.addEventListener('pointerover', e => {
    const a = e.target.closest('.messages a');
    clearTimeout(over);
    if (a && e.pointerType === 'mouse') over = setTimeout(() => prefetch(address(a)), 65);
  });
  panes.list.addEventListener('pointerdown', e => {
    const a = e.target.closest('.messages a');
    if (a && e.button === 0) prefetch(address(a));
  });
  document.addEventListener('wm:show', e => { // the one that is likely to be next
    if (e.detail.kind !== 'reader') return;
    const next = rowOf(e.detail.url)?.closest('li').nextElementSibling;
    if (next) setTimeout(() => prefetch(address($('a', next))), 300);
  });
  take();
}

const address = a => a.pathname + a.search;
const rows = () => (ul ? [...ul.children] : []);
const box = li => $('input[name=m]', li);
export const valueOf = li => box(li).value;
const last = () => first + ul.children.length;

/** Takes over the list that the pane shows now. */
function take() {
  form = $('form.lines', panes.list);
  ul = form && $('.messages', form);
  chosen.clear();
  anchor = null;
  above = below = null;
  if (!form) return;
  const all = $('.shown', form);
  if (all) all.hidden = false;
  if (!ul) return;
  rows().forEach(adopt);
  total = +ul.dataset.total;
  per = +ul.dataset.per;
  first = Math.max(0, +ul.dataset.first - 1);
  if (total && per) {
    above = make('div', {class: 'space above', 'aria-hidden': 'true'});
    below = make('div', {class: 'space below', 'aria-hidden': 'true'});
    ul.before(above);
    ul.after(below);
    form.classList.add('endless');
    number();
    measure();
    if (first) { // the page that was asked for is at the top
      const s = scroller();
      s.scrollTop += ul.getBoundingClientRect().top - edges().top - 100;
    }
    look();
  }
  mark(false);
}

/** Makes a row from the server one of the list. */
export function adopt(li) {
  li.source = li.innerHTML;
  li.draggable = true;
  $('a', li).draggable = false;
}

const scroller = () => (beside() ? panes.list : document.scrollingElement);
const edges = () => (beside() ? panes.list.getBoundingClientRect() : {top: 56, bottom: innerHeight});

// The rows say which they are among all.
function number() {
  rows().forEach((li, i) => {
    li.setAttribute('aria-setsize', total);
    li.setAttribute('aria-posinset', first + i + 1);
    box(li).checked = chosen.has(valueOf(li));
  });
  tally(false);
}

// The space before and after the rows stands for those that are not there.
function measure() {
  if (ul.children.length) height = ul.offsetHeight / ul.children.length || height || 44;
  const unit = Math.min(height, tallest / Math.max(1, total));
  style('.space.above', first ? `block-size:${Math.round(first * unit)}px` : '');
  style('.space.below', last() < total ? `block-size:${Math.round((total - last()) * unit)}px` : '');
  return unit;
}

let framed;

function look() {
  if (framed || !above?.isConnected || !ul.getClientRects().length) return;
  framed = requestAnimationFrame(() => {
    framed = 0;
    if (!busy && above?.isConnected) fill();
  });
}

// Loads what is needed where the list is scrolled to.
async function fill() {
  const {top, bottom} = edges(), r = ul.getBoundingClientRect(), ahead = (bottom - top) * 1.5;
  const unit = Math.min(height, tallest / Math.max(1, total));
  if (r.bottom < top || r.top > bottom) { // the bar was pulled far
    const at = r.top > bottom ? (top - above.getBoundingClientRect().top) / unit : last() + (top - r.bottom) / unit;
    const page = Math.floor(Math.min(total - 1, Math.max(0, at)) / per);
    await load(() => jump(page));
  } else if (r.bottom - bottom < ahead && last() < total) {
    await load(() => grow(Math.floor(last() / per), true));
  } else if (top - r.top < ahead && first > 0) {
    await load(() => grow(Math.ceil(first / per) - 1, false));
  }
}

async function load(f) {
  busy = true;
  try {
    await f();
  } catch (e) {
    if (!(e instanceof Told)) throw e;
    return; // until the next scrolling
  } finally {
    busy = false;
  }
  look();
}

// Fetches a page of rows, counted from 0.
async function page(n, unasked) {
  const u = new URL(panes.list.dataset.url, location);
  if (n) u.searchParams.set('p', n + 1); else u.searchParams.delete('p');
  const got = $('.messages', parse(await (await ask(u, {part: 'rows', unasked})).text()));
  if (!got) throw new Told();
  const list = [...got.children];
  list.forEach(adopt);
  return {list, data: got.dataset, first: Math.max(0, +got.dataset.first - 1)};
}

// Does something to the rows; what a person sees stays where it is.
function steady(f) {
  const s = scroller(), {top} = edges();
  const li = rows().find(li => li.getBoundingClientRect().bottom > top);
  const was = li?.getBoundingClientRect().top;
  f();
  measure();
  if (li?.isConnected) s.scrollTop += li.getBoundingClientRect().top - was;
}

async function grow(n, down) {
  const mine = ul, asked = age, got = await page(n);
  if (mine !== ul || asked !== age || !got.list.length) return;
  steady(() => {
    total = +got.data.total;
    const known = new Set(rows().map(valueOf)); // rows may have moved between pages
    const fresh = got.list.filter(li => !known.has(valueOf(li)) && !leaving.has(valueOf(li)));
    if (down) {
      ul.append(...fresh);
      while (ul.children.length > most * per) { ul.firstElementChild.remove(); first++; }
      if (!fresh.length) total = last();
    } else {
      ul.prepend(...fresh);
      first = Math.max(0, first - fresh.length);
      if (n === 0) first = 0;
      while (ul.children.length > most * per) ul.lastElementChild.remove();
    }
    number();
  });
  mark(false);
}

async function jump(n) {
  const mine = ul, asked = age, got = await page(n);
  if (mine !== ul || asked !== age) return;
  const s = scroller(), end = s.scrollTop + s.clientHeight > s.scrollHeight - 2;
  total = +got.data.total;
  first = got.first;
  ul.replaceChildren(...got.list);
  number();
  measure();
  s.scrollTop = end ? s.scrollHeight : s.scrollTop + ul.getBoundingClientRect().top - edges().top;
  mark(false);
}

/** Messages that are not in the list may belong into it: they have come back. */
export function restore() {
  if (above) refresh(); else again('list');
}

/** Looks again at what the list shows: something has changed. */
export const refresh = calm(120, async () => {
  if (!ul || !above) {
    if (form && !ul) await again('list', {unasked: true}); // an empty one
    return;
  }
  if (busy) { refresh(); return; }
  busy = true;
  try {
    await renew();
  } catch (e) {
    if (!(e instanceof Told)) throw e;
  } finally {
    busy = false;
  }
});

async function renew() {
  const mine = ul, asked = age, from = Math.floor(first / per), to = Math.min(from + most - 1, Math.max(from, Math.floor((last() - 1) / per)));
  const got = [];
  for (let n = from; n <= to; n++) {
    const p = await page(n, true);
    if (mine !== ul) return;
    if (asked !== age) {
      refresh();
      return;
    }
    got.push(p);
    if (!p.list.length || p.first + p.list.length >= +p.data.total) break;
  }
  const {data} = got.at(-1);
  if (!+data.total || !got[0].list.length) {
    await again('list', {unasked: true});
    return;
  }
  const old = new Map(rows().map(li => [valueOf(li), li])), list = [];
  for (const li of got.flatMap(p => p.list)) {
    const value = valueOf(li);
    if (leaving.has(value) || list.some(x => valueOf(x) === value)) continue;
    const have = old.get(value);
    if (have && have.source === li.source) {
      have.className = li.className;
      if (have.touched) have.replaceChildren(...li.childNodes);
      have.touched = false;
      list.push(have);
    } else if (have) { // the same message, otherwise: the focus stays
      const on = have.contains(document.activeElement) && (document.activeElement === box(have) ? 'input' : 'a');
      have.className = li.className;
      have.source = li.source;
      have.replaceChildren(...li.childNodes);
      $('a', have).draggable = false;
      if (on) $(on, have).focus({preventScroll: true});
      list.push(have);
    } else {
      list.push(li);
    }
  }
  const top = scroller().scrollTop < 20;
  const f = () => {
    total = +data.total;
    first = got[0].first;
    const keep = new Set(list);
    for (const li of rows()) if (!keep.has(li)) li.remove();
    list.forEach((li, i) => { if (ul.children[i] !== li) ul.insertBefore(li, ul.children[i] ?? null); });
    number();
  };
  if (top) { f(); measure(); } else steady(f);
  Object.assign(ul.dataset, {total: data.total, title: data.title, next: data.next});
  const before = $('input[name=before]', form), count = $('.unread-count', form);
  if (before) before.value = data.next;
  if (count) count.textContent = data.unread;
  panes.list.dataset.title = data.title;
  if (root.dataset.shows === 'list') document.title = data.title;
  mark(false);
  look();
}

/** The rows of values, as far as they are there. */
export function rowsOf(values) {
  const want = new Set(values);
  return rows().filter(li => want.has(valueOf(li)));
}

/** Takes rows out of the list, and returns the one that stands in their place. */
export function drop(list) {
  let next = list.at(-1)?.nextElementSibling ?? list[0]?.previousElementSibling;
  while (next && list.includes(next)) next = next.previousElementSibling;
  const focused = list.some(li => li.contains(document.activeElement));
  for (const li of list) {
    chosen.delete(valueOf(li));
    li.remove();
  }
  total -= list.length;
  if (above) measure();
  if (focused && next) $('a', next).focus();
  tally(false);
  look();
  return next;
}

/** The row that the keyboard is at: the one with the focus, or the one that is open. */
export function cursor() {
  return document.activeElement?.closest?.('.messages li') ?? $('.messages a[aria-current]', panes.list)?.closest('li');
}

/** Moves by a row; where a message is open, the next one is opened. */
export function step(n, extend) {
  const at = cursor(), to = at ? (n > 0 ? at.nextElementSibling : at.previousElementSibling) : ul?.firstElementChild;
  if (!to) return;
  if (extend) {
    choose(at ?? to, true);
    choose(to, true);
  }
  const a = $('a', to);
  if (panes.reader.dataset.url && !extend) go(a.href);
  a.focus({preventScroll: true});
  to.scrollIntoView({block: 'nearest'});
}

/** Selects a row, or not. */
export function choose(li, on) {
  box(li).checked = on;
  if (on) chosen.add(valueOf(li)); else chosen.delete(valueOf(li));
  anchor = li;
  tally(true);
}

/** Selects the rows that a test accepts, and no others. */
export function chooseAll(test) {
  if (!test || !test.length) chosen.clear();
  for (const li of rows()) {
    const on = !!test?.(li);
    box(li).checked = on;
    if (on) chosen.add(valueOf(li)); else chosen.delete(valueOf(li));
  }
  const every = $('.every input', form);
  if (every && !test) every.checked = false;
  tally(true);
}

function tally(aloud) {
  const all = $('#shown');
  if (!all) return;
  const n = chosen.size, here = rows().length;
  all.checked = n > 0 && rows().every(li => box(li).checked);
  all.indeterminate = n > 0 && !all.checked;
  all.disabled = !here;
  form.classList.toggle('choosing', n > 0);
  if (aloud) say(words.chosen.replace('{n}', n));
}

let shift;

function picked(e) {
  if (e.target.closest('.pick')) shift = e.shiftKey;
}

function changed(e) {
  const t = e.target;
  if (t.id === 'shown') {
    chooseAll(t.checked ? () => true : null);
    return;
  }
  const li = t.name === 'm' && t.closest('.messages li');
  if (!li) return;
  const list = rows(), from = list.indexOf(anchor), to = list.indexOf(li);
  if (shift && from >= 0) {
    for (const x of list.slice(Math.min(from, to), Math.max(from, to) + 1)) choose(x, t.checked);
  }
  shift = false;
  choose(li, t.checked);
}
