// Finding things on the page, words in the person's language, and the one way to markup.
export const root = document.documentElement;
export const $ = (selector, at = document) => at.querySelector(selector);
export const $$ = (selector, at = document) => [...at.querySelectorAll(selector)];

/** Words that scripts show (layout.html, template "scripts"). */
export const words = $('#words')?.dataset ?? {};

/** What every form of this session sends back. */
export const token = $('meta[name=wm-token]')?.content ?? '';

export const still = matchMedia('(prefers-reduced-motion: reduce)');
const twoPanes = matchMedia('(min-width: 1100px)');

/** Whether a message is read beside the list. */
export const beside = () => twoPanes.matches && root.dataset.layout !== 'single';

// Markup comes from our own server, which has escaped what strangers wrote. It is parsed in
// a document of its own, where nothing runs; the page's policy allows no other way.
const policy = globalThis.trustedTypes?.createPolicy('wm', {createHTML: text => text}) ?? {createHTML: text => text};
export const parse = text => new DOMParser().parseFromString(policy.createHTML(text), 'text/html');

/** Makes an element. */
export function make(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  e.append(...children);
  return e;
}

/** Says something to who does not see the page. */
export function say(text) {
  const e = $('#say');
  e.textContent = '';
  requestAnimationFrame(() => { e.textContent = text; });
}

// Sizes that only the browser knows, as rules of one sheet: no element has a style of its own.
const sheet = new CSSStyleSheet();
const rules = new Map();
document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];

/** Sets the declarations of a selector; none removes the rule. */
export function style(selector, declarations) {
  if (rules.get(selector) === declarations) return;
  if (declarations) rules.set(selector, declarations); else rules.delete(selector);
  sheet.replaceSync([...rules].map(([s, d]) => `${s}{${d}}`).join('\n'));
}

export const wait = ms => new Promise(done => setTimeout(done, ms));

/** Returns a function that calls f once when it has not been called for a while. */
export function calm(ms, f) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(f, ms);
  };
}

/** Asks a question in a dialog; the answer is whether the person agrees. */
export function confirmed(of) {
  const text = $('#sure').content.querySelector(`[data-of="${of}"]`);
  const dialog = $('#asks').content.firstElementChild.cloneNode(true);
  $('p', dialog).textContent = text.textContent;
  $('.button', dialog).textContent = text.dataset.button;
  document.body.append(dialog);
  dialog.showModal();
  return new Promise(done => dialog.addEventListener('close', () => {
    dialog.remove();
    done(dialog.returnValue === 'yes');
  }));
}

let shownToast, toastTimer;

/** Shows a line at the bottom for a while, with a button if there is something to do. */
export function toast(text, button, press) {
  hideToast();
  const t = make('div', {class: 'toast', role: 'status'}, make('p', {}, text));
  if (button) {
    const b = make('button', {type: 'button', class: 'undo'}, button);
    b.addEventListener('click', () => { hideToast(); press(); });
    t.append(b);
  }
  const later = () => { clearTimeout(toastTimer); toastTimer = setTimeout(hideToast, 8000); };
  t.addEventListener('pointerenter', () => clearTimeout(toastTimer));
  t.addEventListener('focusin', () => clearTimeout(toastTimer));
  t.addEventListener('pointerleave', later);
  t.addEventListener('focusout', later);
  $$('.toast').forEach(old => old.remove());
  document.body.append(shownToast = t);
  later();
}

export function hideToast() {
  shownToast?.remove();
  shownToast = null;
}
