// Recipients are completed while somebody types: a combobox with a list (ARIA 1.2). Between
// commas stands an address each; the one where the cursor is, is completed. The first offer
// is chosen by Enter or Tab, others by the arrow keys, all of them by pointing.
import {make, say} from './dom.js';

const after = 120; // milliseconds

export function beginRecipients(input, words) {
  const id = `${input.id}-offers`;
  const list = make('ul', {class: 'offers', role: 'listbox', id, 'aria-label': words.offers});
  list.hidden = true;
  const box = make('div', {class: 'combo'});
  const focused = document.activeElement === input;
  input.before(box);
  box.append(input, list);
  if (focused) input.focus();
  for (const [k, v] of Object.entries({role: 'combobox', 'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-haspopup': 'listbox', 'aria-controls': id})) input.setAttribute(k, v);

  let offers = [], active = -1, timer, asking, typed = '';

  /** The address that is being typed: where it stands, and its text. */
  function current() {
    const {value, selectionStart: at} = input;
    let start = 0, quoted = false;
    for (let i = 0; i < at; i++) {
      if (value[i] === '"') quoted = !quoted;
      else if (!quoted && (value[i] === ',' || value[i] === ';')) start = i + 1;
    }
    let end = at;
    for (; end < value.length; end++) {
      if (value[end] === '"') quoted = !quoted;
      else if (!quoted && (value[end] === ',' || value[end] === ';')) break;
    }
    while (start < at && value[start] === ' ') start++;
    return {start, end, text: value.slice(start, end).trim()};
  }

  function close() {
    clearTimeout(timer);
    asking?.abort();
    list.hidden = true;
    offers = [];
    choose(-1);
    input.setAttribute('aria-expanded', 'false');
  }

  function choose(i) {
    active = i;
    [...list.children].forEach((li, n) => li.setAttribute('aria-selected', String(n === i)));
    if (i < 0) {
      input.removeAttribute('aria-activedescendant');
      return;
    }
    input.setAttribute('aria-activedescendant', list.children[i].id);
    list.children[i].scrollIntoView({block: 'nearest'});
  }

  async function look() {
    const {text} = current();
    typed = text;
    if (!text || text.includes('<')) return close();
    asking?.abort();
    asking = new AbortController();
    try {
      const answer = await fetch(`/contacts/complete?q=${encodeURIComponent(text)}`, {signal: asking.signal, headers: {Accept: 'application/json'}});
      if (!answer.ok) return close();
      show(await answer.json());
    } catch {
      close(); // who types goes on without
    }
    return undefined;
  }

  function show(found) {
    const there = input.value.toLowerCase();
    offers = found.filter(o => o.group || o.text && (o.address.toLowerCase() === typed.toLowerCase() || !there.includes(o.address.toLowerCase())));
    if (!offers.length || document.activeElement !== input) return close();
    list.replaceChildren(...offers.map((o, i) => {
      const li = make('li', {role: 'option', id: `${id}-${i}`, 'aria-selected': 'false'}, make('bdi', {class: 'name'}, o.name || o.address));
      if (o.group) li.append(make('span', {class: 'tag'}, words.group));
      else if (o.name) li.append(make('bdi', {class: 'muted'}, o.address));
      return li;
    }));
    list.hidden = false;
    input.setAttribute('aria-expanded', 'true');
    const whole = /^[^@\s]+@[^@\s]+\.[^@\s.]{2,}$/.test(typed); // it may be meant as it is
    choose(whole && offers[0].address?.toLowerCase() !== typed.toLowerCase() ? -1 : 0);
    say(words.found.replace('{n}', offers.length));
    return undefined;
  }

  async function accept(i) {
    const offer = offers[i], {start, end} = current();
    close();
    let text = offer.text;
    if (offer.group) {
      try {
        const answer = await fetch(`/contacts/complete?group=${encodeURIComponent(offer.name)}`, {headers: {Accept: 'application/json'}});
        text = (await answer.json()).map(o => o.text).filter(Boolean).join(', ');
      } catch {
        return;
      }
      if (!text) return;
    }
    const rest = input.value.slice(end).replace(/^[,;]\s*/, '');
    const before = input.value.slice(0, start) + text + ', ';
    input.value = before + rest;
    input.setSelectionRange(before.length, before.length);
    input.dispatchEvent(new Event('input', {bubbles: true}));
    close();
  }

  input.addEventListener('input', e => {
    clearTimeout(timer);
    if (!e.isTrusted) return;
    timer = setTimeout(look, after);
  });
  input.addEventListener('blur', close);
  input.addEventListener('keydown', e => {
    if (e.isComposing) return;
    if (list.hidden) {
      if (e.key === 'ArrowDown' && current().text) {
        e.preventDefault();
        look();
      }
      return;
    }
    const step = {ArrowDown: 1, ArrowUp: -1}[e.key];
    if (step) {
      e.preventDefault();
      choose((active + step + offers.length) % offers.length);
    } else if (e.key === 'Escape') {
      e.preventDefault();
      e.stopPropagation();
      close();
    } else if ((e.key === 'Enter' || e.key === 'Tab') && active >= 0 && !e.shiftKey && !e.ctrlKey && !e.metaKey) {
      e.preventDefault();
      e.stopPropagation();
      accept(active);
    }
  });
  list.addEventListener('pointerdown', e => e.preventDefault()); // the input keeps the focus
  list.addEventListener('click', e => {
    const li = e.target.closest('li');
    if (li) accept([...list.children].indexOf(li));
  });
}
