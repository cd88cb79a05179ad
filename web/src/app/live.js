// What other programs do to the mail, as it happens: GET /events says in which mailbox
// something has changed, and the list looks again.
import {$, $$, root, words, say, parse} from './dom.js';
import {panes, ask, offline, forget, Told} from './swap.js';
import {refresh} from './list.js';

const restAfter = 5 * 60_000; // hidden for so long, a window stops listening
let source, retry, delay = 5000, hidden, missed = false;

export function beginLive() {
  listen();
  document.addEventListener('visibilitychange', () => {
    clearTimeout(hidden);
    if (document.hidden) hidden = setTimeout(stop, restAfter);
    else if (!source) listen();
  });
  addEventListener('pagehide', stop);
  addEventListener('pageshow', e => { if (e.persisted) listen(); });
  addEventListener('online', () => { stop(); delay = 5000; listen(); });
  addEventListener('offline', () => offline(true));
}

function stop() {
  clearTimeout(retry);
  source?.close();
  source = null;
  missed = true;
}

function listen() {
  clearTimeout(retry);
  source = new EventSource('/events');
  source.addEventListener('open', () => {
    root.dataset.live = 'on';
    delay = 5000;
    offline(false);
    if (missed) lookAgain();
    missed = false;
  });
  source.addEventListener('mailbox', e => mailbox(JSON.parse(e.data)));
  source.addEventListener('folders', sidebar);
  source.addEventListener('error', broken);
}

// A browser connects again by itself if the connection breaks, but not after an answer that
// was no stream.
async function broken() {
  missed = true;
  delete root.dataset.live;
  if (source?.readyState !== EventSource.CLOSED) return;
  stop();
  retry = setTimeout(async () => {
    try {
      await ask('/f/INBOX', {part: 'none', unasked: true}); // which tells of a session that has ended
      if (!document.hidden) listen();
    } catch (e) {
      if (!(e instanceof Told)) throw e;
      retry = setTimeout(broken, delay);
    }
  }, delay);
  delay = Math.min(delay * 2, 120_000);
}

function lookAgain() {
  forget();
  if (panes.list) refresh();
  sidebar();
}

const numbers = new Intl.NumberFormat(root.lang);

function mailbox(change) {
  const folder = $$('.folders a[data-mailbox]').find(a => a.dataset.mailbox === change.mailbox);
  if (folder) {
    $('.count', folder)?.remove();
    if (change.unread) {
      const c = document.createElement('span');
      c.className = 'count';
      c.textContent = numbers.format(change.unread);
      c.setAttribute('aria-label', words.count.replace('{n}', numbers.format(change.unread)));
      folder.append(c);
    }
  }
  if (['draft', 'sent'].includes(folder?.dataset.use) && $('[data-outbox]')) sidebar();
  forget();
  const shown = panes.list?.dataset.url;
  if (!shown) return;
  const here = new URL(shown, location).pathname;
  if (!folder || new URL(folder.href).pathname === here) refresh();
  if (change.new && folder && new URL(folder.href).pathname === here) say(words.new.replace('{n}', numbers.format(change.new)));
}

async function sidebar() {
  try {
    const answer = await ask('/f/INBOX', {part: 'folders', unasked: true});
    const fresh = answer.ok && $('#folders', parse(await answer.text()));
    if (!fresh) return;
    const current = $('.folders a[aria-current]')?.dataset.mailbox;
    $('#folders').replaceChildren(...fresh.childNodes);
    for (const a of $$('.folders a[data-mailbox]')) {
      if (a.dataset.mailbox === current) a.setAttribute('aria-current', 'page'); else a.removeAttribute('aria-current');
    }
  } catch (e) {
    if (!(e instanceof Told)) throw e;
  }
}
