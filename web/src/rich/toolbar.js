// The toolbar of the editor (ARIA: toolbar): one stop of the Tab key, arrows between the
// buttons, which show what the text at the cursor is.
import {address} from './clean.js';

// What buttons do, by their names, and what says that it is so.
const toggles = {
  bold: {tag: 'B', on: e => e.bold(), off: e => e.removeBold()},
  italic: {tag: 'I', on: e => e.italic(), off: e => e.removeItalic()},
  underline: {tag: 'U', on: e => e.underline(), off: e => e.removeUnderline()},
  strike: {tag: 'S', on: e => e.strikethrough(), off: e => e.removeStrikethrough()},
  bullets: {tag: 'UL', on: e => e.makeUnorderedList(), off: e => e.removeList()},
  numbers: {tag: 'OL', on: e => e.makeOrderedList(), off: e => e.removeList()},
  quote: {tag: 'BLOCKQUOTE', on: e => e.increaseQuoteLevel(), off: e => e.decreaseQuoteLevel()},
};

export function beginToolbar({kit: {$, $$}, bar, editor, doc, frame}) {
  const off = new AbortController(), {signal} = off;
  const stops = () => $$('button:not([popover] button), select', bar).filter(b => !b.closest('[popover]'));
  let last;

  function show() {
    for (const b of $$('button[aria-pressed]', bar)) {
      const t = toggles[b.dataset.do];
      if (t) b.setAttribute('aria-pressed', String(editor.hasFormat(t.tag)));
    }
    $('[data-do=link]', bar).setAttribute('aria-pressed', String(editor.hasFormat('A')));
    const size = $('select', bar), now = editor.getFontInfo().fontSize ?? '';
    size.value = [...size.options].some(o => o.value === now) ? now : '';
  }

  function run(button) {
    const name = button.dataset.do, t = toggles[name];
    if (t) {
      if (editor.hasFormat(t.tag)) t.off(editor); else t.on(editor);
    } else if (name === 'clear') {
      editor.removeAllFormatting();
    } else if (name === 'colour') {
      editor.setTextColor(button.dataset.value || null);
      button.closest('[popover]').hidePopover();
    } else if (name === 'link') {
      link();
      return;
    } else {
      return;
    }
    frame.focus();
    editor.focus();
    show();
  }

  // A link is asked for in a dialog; without a selection its address is its text.
  function link() {
    const dialog = $('template.link', bar).content.firstElementChild.cloneNode(true), input = $('input', dialog);
    const range = editor.getSelection();
    const from = range.startContainer.nodeType === 1 ? range.startContainer : range.startContainer.parentElement;
    const a = from.closest('a');
    input.value = a?.getAttribute('href') ?? (address(range.toString()) || '');
    if (!a) $('[value=none]', dialog).remove();
    bar.ownerDocument.body.append(dialog);
    dialog.showModal();
    dialog.addEventListener('close', () => {
      dialog.remove();
      frame.focus();
      editor.focus();
      editor.setSelection(range);
      let url = input.value.trim();
      if (dialog.returnValue === 'none') editor.removeLink();
      if (dialog.returnValue !== 'yes' || !url) return;
      if (!/^[a-z]+:/i.test(url)) url = /^[^\s/@]+@[^\s/]+$/.test(url) ? `mailto:${url}` : `https://${url}`;
      if (a) editor.removeLink();
      if (address(url)) {
        editor.makeLink(address(url));
        const behind = editor.getSelection(); // it is selected: what is typed would replace it
        behind.collapse(false);
        const end = behind.endContainer, inside = (end.nodeType === 1 ? end : end.parentElement).closest('a');
        if (inside) behind.setStartAfter(inside);
        behind.collapse(true);
        editor.setSelection(behind);
      }
      show();
    });
  }

  bar.hidden = false;
  bar.addEventListener('mousedown', e => { if (e.target.closest('button')) e.preventDefault(); }, {signal}); // the text keeps its selection
  bar.addEventListener('click', e => {
    const b = e.target.closest('button[data-do]');
    if (b) run(b);
  }, {signal});
  $('select', bar).addEventListener('change', e => {
    e.stopPropagation();
    editor.setFontSize(e.target.value || null);
    frame.focus();
    editor.focus();
  }, {signal});
  bar.addEventListener('keydown', e => {
    const all = stops(), rtl = bar.matches(':dir(rtl)');
    const step = {ArrowRight: rtl ? -1 : 1, ArrowLeft: rtl ? 1 : -1}[e.key];
    const at = all.indexOf(e.target);
    if (!step || at < 0) return;
    e.preventDefault();
    stop(all[(at + step + all.length) % all.length]).focus();
  }, {signal});
  bar.addEventListener('focusin', e => { if (stops().includes(e.target)) stop(e.target); }, {signal});

  function stop(b) {
    stops().forEach(x => { x.tabIndex = -1; });
    b.tabIndex = 0;
    return b;
  }

  stop(last ?? stops()[0]);
  for (const type of ['pathChange', 'select', 'undoStateChange']) editor.addEventListener(type, show);
  doc.addEventListener('pointerdown', () => $$('[popover]:popover-open', bar).forEach(p => p.hidePopover()), {signal});
  return () => {
    off.abort();
    bar.hidden = true;
  };
}
