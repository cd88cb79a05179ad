// Results of a search that could not look at everything at once: the rest comes by itself,
// as long as the page has room and nobody goes elsewhere.
import {$, $$, parse, say} from './dom.js';
import {panes, ask, Told} from './swap.js';
import {adopt} from './list.js';

const enough = 50; // rows
let hunt; // the one that is on: another page begins another one

export function beginFind() {
  document.addEventListener('wm:show', e => { if (e.detail.kind === 'list') look(); });
  look();
}

async function look() {
  const mine = hunt = {};
  const form = $('form.lines', panes.list);
  const more = () => $('.after a[data-further]', form);
  if (!form || !more()) return;
  form.setAttribute('aria-busy', 'true');
  try {
    while (more() && $$('.results > li', form).length < enough) {
      const page = parse(await (await ask(more().href, {unasked: true})).text());
      if (mine !== hunt || !form.isConnected) return;
      const fresh = $('form.lines', page);
      if (!fresh || more().pathname + more().search === $('.after a[data-further]', fresh)?.pathname + $('.after a[data-further]', fresh)?.search) break;
      join(form, fresh);
    }
  } catch (e) {
    if (!(e instanceof Told)) throw e;
  } finally {
    form.removeAttribute('aria-busy');
  }
  say($('.after .muted', form)?.textContent || $('.empty p', form)?.textContent || '');
}

// Adds what another page has found to the one that is shown.
function join(form, fresh) {
  const list = $('.results', form), found = $('.results', fresh);
  if (found && !list) {
    for (const part of ['.bar.sub', '.results']) $('.empty', form).before($(part, fresh));
    $('.empty', form).remove();
    $$('.results > li', form).forEach(adopt);
  } else if (found) {
    const known = new Set($$('input[name=m]', list).map(box => box.value));
    const rows = [...found.children].filter(li => !known.has($('input[name=m]', li).value));
    rows.forEach(adopt);
    list.append(...rows);
    $('.pager p', form)?.remove(); // the numbers of the first page
  }
  $$('.after', form).forEach(p => p.remove());
  const end = $('.bar.bottom', form), rest = $$('.after, .bar.bottom', fresh);
  if (end) end.replaceWith(...rest); else form.append(...rest);
}
