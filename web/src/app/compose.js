// The page on which somebody writes. What was typed is saved as a draft when nothing was
// typed for a while, and when the page is hidden; files are saved as they come (attach.js);
// doubts are asked in a dialog; what cannot be saved keeps the page from being left by
// mistake. Without this everything works by the buttons.
//
// One request at a time changes the draft: each answer says where the next one goes. Of one
// that was not answered nobody knows whether it was done; the next one says that it may
// replace what it finds (keep=over). If another window has saved the draft, saving stops
// until the person has chosen.
import {$, $$, make, style, toast, confirmed} from './dom.js';
import {beginFiles} from './attach.js';
import {beginRecipients} from './recipients.js';

const idle = 3000, longest = 30_000; // since the last key, since the first one that is not saved
const perMegabyte = 1000; // to save a draft is to write it anew, with its files

/** Raised where the server has said no, in the person's language. */
export class Refused extends Error {}

export function beginWriting() {
  const form = $('[data-writing]');
  if (form) new Writing(form).begin();
}

export class Writing {
  constructor(form) {
    this.form = form;
    this.words = $('#wm-writing').dataset;
    this.state = $('[data-saved]', form);
    this.last = this.content();
    this.queue = Promise.resolve();
    this.octets = 0; // of its files
  }

  begin() {
    const {form} = this;
    this.formatting = $('.format', form);
    this.formatting.hidden = false;
    this.formatting.addEventListener('click', () => this.turn());
    $$('[data-recipients]', form).forEach(input => beginRecipients(input, this.words));
    this.files = beginFiles(this);
    form.classList.add('live');
    form.addEventListener('input', () => this.changed());
    this.signature = this.ownSignature();
    form.elements.identity?.addEventListener('change', () => this.sign());
    form.addEventListener('change', () => this.changed());
    form.addEventListener('submit', e => this.submitted(e));
    form.addEventListener('keydown', e => this.pressed(e));
    document.addEventListener('visibilitychange', () => { if (document.hidden) this.save({leaving: true}); });
    addEventListener('online', () => this.save());
    addEventListener('beforeunload', e => { if (!this.gone && (this.dirty() || this.busy)) e.preventDefault(); });
    const text = form.elements.text, focused = text.autofocus && [text, document.body].includes(document.activeElement);
    if ('rich' in form.dataset) this.format(form.elements.html.value, focused);
    else if (focused) text.setSelectionRange(+form.dataset.cursor, +form.dataset.cursor);
  }

  ownSignature() { return this.form.elements.identity?.selectedOptions?.[0].dataset.signature ?? ''; }

  /** Another identity signs in its own way, if its signature is where the other one was. */
  sign() {
    const {text} = this.form.elements, was = this.signature, now = this.ownSignature();
    this.signature = now;
    if (this.editor || was === now) return;
    const block = s => s && `\n-- \n${s}`, all = text.value.replaceAll('\r\n', '\n');
    if (was && all.includes(block(was))) text.value = all.replace(block(was), () => block(now));
    else if (!was && !all.includes('\n-- \n') && !all.includes('\n> ')) text.value = `${all.trimEnd()}\n\n${block(now).slice(1)}`;
  }

  /** Writes formatted text from now on. */
  async format(html, focus) {
    const {form} = this, {text} = form.elements;
    text.readOnly = true;
    try {
      const {edit} = await import('../rich/rich.js');
      this.editor = await edit({
        kit: {$, $$, make, style}, field: text, bar: $('.toolbar', form), html, source: this.source(), label: this.words.text,
        onchange: () => this.changed(), onkey: e => this.pressed(e), onfiles: files => this.take(files),
      });
    } catch (e) { // a browser that cannot, or nobody there to load it from
      console.warn(e);
      delete form.dataset.rich;
      this.notice(this.words.plainOnly);
      return;
    } finally {
      text.readOnly = false;
    }
    this.files.watch(this.editor.doc, files => this.take(files));
    this.switched(true);
    if (focus) this.editor.begin('below' in form.dataset);
  }

  switched(rich) {
    const {text, html, format} = this.form.elements;
    text.disabled = text.hidden = rich;
    html.disabled = format.disabled = !rich;
    this.form.classList.toggle('rich', rich);
    this.formatting.setAttribute('aria-pressed', String(rich));
    this.last = this.content();
  }

  /** Where pictures of the text are: beside the page. */
  source() {
    const at = new URL(this.form.getAttribute('action'), location);
    at.pathname += '/picture';
    return at.href;
  }

  /** Takes files: pictures into the text, the rest as attachments. */
  take(files) {
    const shown = f => this.editor && /^image\/(png|jpeg|gif|webp)$/.test(f.type);
    files.filter(shown).forEach(f => this.editor.insertPicture(f));
    const rest = files.filter(f => !shown(f));
    if (rest.length) this.files.add(rest);
  }

  /** Goes over to the other format. The server converts what there is. */
  async turn() {
    const {form} = this, rich = !this.editor;
    if (this.sending || this.stopped || !rich && this.editor.formatted() && !await confirmed('plain')) return;
    this.formatting.disabled = form.elements.text.readOnly = true;
    try {
      const data = await this.send('save', {convert: rich ? 'rich' : 'plain'});
      if (rich) {
        await this.format(data.html, true);
      } else {
        this.editor.destroy();
        this.editor = null;
        form.elements.text.value = data.text;
        this.switched(false);
        form.elements.text.focus();
      }
    } catch (e) {
      this.failed(e);
    } finally {
      this.formatting.disabled = form.elements.text.readOnly = false;
    }
  }

  /** What is compared to know whether there is anything to save. */
  content() {
    if (this.editor) this.form.elements.html.value = this.editor.html();
    return JSON.stringify([...new FormData(this.form)].filter(([k, v]) => typeof v === 'string' && !['op', 'at', 'keep', 'anyway', 'token'].includes(k)));
  }

  dirty() { return this.content() !== this.last; }

  changed() {
    if (!this.dirty()) return;
    this.since ??= Date.now();
    const rest = Math.min(longest, idle + this.octets / 1e6 * perMegabyte);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), Math.max(0, Math.min(rest, this.since + longest - Date.now())));
  }

  /** Saves the draft if anything has changed, or if there are files. It does not fail: what is wrong is said. */
  async save({leaving, files, progress, signal, drop} = {}) {
    if (this.stopped || this.gone) return false;
    if (!files && !drop && !this.dirty()) return true;
    try {
      await this.send('save', {leaving, files, progress, signal});
      return true;
    } catch (e) {
      if (e.name === 'AbortError') throw e;
      this.failed(e);
      return false;
    }
  }

  failed(e) {
    if (this.stopped) return;
    this.state.textContent = e instanceof Refused ? e.message : this.words.unsaved;
    this.state.classList.add('bad');
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), 10 * idle);
  }

  /** Sends the form with what it is to do; the answer is what the server says. */
  send(op, options = {}) {
    const result = this.queue.then(() => this.sendNow(op, options));
    this.queue = result.catch(() => {});
    return result;
  }

  async sendNow(op, options, again) {
    const {leaving, files = [], progress, signal, anyway, convert} = options;
    clearTimeout(this.timer);
    this.since = null;
    const content = this.content(), body = new FormData(this.form);
    for (const name of ['op', 'files', 'keep', 'anyway']) body.delete(name);
    body.set('op', op);
    if (anyway) body.set('anyway', '1');
    if (convert) body.set('convert', convert);
    const pictures = this.editor?.pictures.missing(this.form.elements.html.value) ?? [];
    pictures.forEach(([id, f]) => body.append(`inline:${id}`, f, f.name || 'picture'));
    if (this.unknown || this.keep) body.set('keep', this.keep ?? 'over');
    files.forEach(f => body.append('files', f, f.name || 'file'));
    this.busy = true;
    if (op === 'save') this.state.textContent = this.words.saving;
    let answer;
    try {
      answer = await post(this.form.getAttribute('action'), body, {progress, signal, keepalive: leaving && content.length < 30_000 && !pictures.length});
      this.unknown = false;
    } catch (e) {
      this.unknown = true;
      throw e;
    } finally {
      this.busy = false;
    }
    const {status, data} = answer;
    if (status === 401 || status === 403 && !data.error) return this.ended();
    if (status === 403 && !again && await this.newToken()) return this.sendNow(op, options, true);
    if (data.conflict) return this.conflict(data);
    if (status >= 300 || !data) throw new Refused(data?.error ?? this.words.unsaved);
    this.keep = null;
    if (data.action) this.taken(data, content);
    return data;
  }

  /** The draft is another version now. */
  taken(data, content) {
    const {form} = this;
    this.last = content;
    form.setAttribute('action', data.action);
    if (data.id && form.elements.id.value !== data.id) {
      form.elements.id.value = data.id;
      this.last = this.content();
    }
    if (location.pathname + location.search !== data.action) history.replaceState(null, '', data.action);
    this.state.classList.remove('bad');
    this.state.textContent = data.saved;
    if (this.editor) this.editor.pictures.known = new Set(data.inline);
    this.octets = data.files.reduce((n, f) => n + f.octets, 0);
    this.files.show(data.files);
    this.notice(null);
    this.taking?.(data);
    if (this.dirty()) this.changed();
  }

  // The session is over. Somebody who logs in again elsewhere goes on here.
  ended() {
    const link = make('a', {class: 'plain', href: '/login', target: '_blank', rel: 'noopener'}, this.words.enter);
    this.notice(this.words.ended, link);
    throw new Refused(this.words.ended);
  }

  // The token of a session that has begun since the page was loaded.
  async newToken() {
    const answer = await fetch('/settings/general', {headers: {'X-Wm-Unasked': '1'}});
    const fresh = /<meta name="wm-token" content="([^"]+)">/.exec(await answer.text())?.[1];
    if (!answer.ok || !fresh || fresh === this.form.elements.token.value) return false;
    $$('input[name=token]').forEach(i => { i.value = fresh; });
    return true;
  }

  conflict(data) {
    this.stopped = true;
    this.state.textContent = '';
    const own = make('button', {type: 'button', class: 'button'}, this.words.own);
    own.addEventListener('click', () => {
      this.stopped = false;
      this.keep = 'own';
      this.last = '';
      this.notice(null);
      this.save();
    });
    this.notice(data.error, make('a', {class: 'plain', href: data.conflict}, this.words.other), own);
    throw new Refused(data.error);
  }

  notice(text, ...more) {
    $('.notice.live', this.form)?.remove();
    if (text) $('.bar', this.form).after(make('div', {class: 'notice warn live', role: 'alert'}, make('div', {}, make('p', {}, text), make('p', {class: 'choice'}, ...more))));
  }

  async submitted(e) {
    const button = e.submitter, op = button?.value ?? 'save';
    e.preventDefault();
    if (this.sending) return;
    if (op === 'save') {
      this.last = '';
      await this.save();
      return;
    }
    if (op === 'discard') {
      await this.leave('discard');
      return;
    }
    await this.leave(op);
  }

  /** Sends the message, or throws it away, and goes on where the person came from. */
  async leave(op, anyway) {
    this.sending = true;
    this.form.classList.add('sending');
    const said = op === 'discard' ? '' : this.words.sending;
    try {
      await this.files.done();
      if (op === 'discard') await this.save(); // so that it can be had back
      this.state.textContent = said;
      const data = await this.send(op, {anyway});
      if (data.asked) {
        if (await this.ask(data)) return await this.leave(op, true);
        return undefined;
      }
      this.gone = true;
      const next = new URL(this.form.elements.next.value, location);
      next.searchParams.set('done', data.undo);
      location.assign(next);
    } catch (e) {
      if (e.name !== 'AbortError') {
        const text = e instanceof Refused ? e.message : this.words.unsent;
        this.state.textContent = '';
        if (!this.stopped) toast(text);
      }
    } finally {
      this.sending = false;
      this.form.classList.remove('sending');
    }
    return undefined;
  }

  ask({asked, anyway}) {
    const dialog = $('#wm-writing').content.firstElementChild.cloneNode(true);
    $('ul', dialog).append(...asked.map(text => make('li', {}, text)));
    if (!anyway) $('.button', dialog).remove();
    document.body.append(dialog);
    dialog.showModal();
    return new Promise(done => dialog.addEventListener('close', () => {
      dialog.remove();
      done(dialog.returnValue === 'yes');
    }));
  }

  pressed(e) {
    if (e.key !== 'Enter' || e.isComposing || e.defaultPrevented) return;
    if (e.ctrlKey || e.metaKey) {
      e.preventDefault();
      this.form.requestSubmit($('button[value=send].button', this.form));
    } else if (e.target.matches('.lines input:not([type=datetime-local])')) {
      e.preventDefault(); // it sends nothing: the next field
      const fields = $$('.lines input:not([type=hidden]), textarea', this.form).filter(f => f.checkVisibility({contentVisibilityAuto: true}) && !f.closest('details:not([open])'));
      fields[fields.indexOf(e.target) + 1]?.focus();
    }
  }
}

// post sends a form. Only XMLHttpRequest tells how much of it has gone.
function post(url, body, {progress, signal, keepalive}) {
  if (!progress) {
    return fetch(url, {method: 'POST', body, keepalive, headers: {Accept: 'application/json'}})
      .then(async a => ({status: a.status, data: a.headers.get('Content-Type')?.startsWith('application/json') ? await a.json() : {}}));
  }
  return new Promise((done, fail) => {
    const x = new XMLHttpRequest();
    x.open('POST', url);
    x.setRequestHeader('Accept', 'application/json');
    x.responseType = 'json';
    x.upload.addEventListener('progress', e => progress(e.loaded, e.total));
    x.addEventListener('load', () => done({status: x.status, data: x.response ?? {}}));
    x.addEventListener('error', () => fail(new TypeError('network')));
    x.addEventListener('abort', () => fail(new DOMException('', 'AbortError')));
    signal?.addEventListener('abort', () => x.abort());
    x.send(body);
  });
}
