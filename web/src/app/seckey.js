// Security keys and passkeys: the browser's half of Web Authentication. The server gives the
// options in a form's data-options, and takes the answer from its field "key"; both are JSON
// with octets in base64url, as the standard has it. Without this module the forms stay
// hidden, and pages offer codes.
//
//   data-seckey="create"   a new key: options are an object
//   data-seckey="get"      one of the keys there are: options are a list, for each host one
const octets = text => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), c => c.charCodeAt(0));
const text = buffer => btoa(Array.from(new Uint8Array(buffer), n => String.fromCharCode(n)).join(''))
  .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const named = list => list.map(c => ({...c, id: octets(c.id)}));

/** Whether pages of this host may use keys of a party. */
const ours = party => location.hostname === party || location.hostname.endsWith('.' + party);

const ways = {
  create: async o => {
    const c = await navigator.credentials.create({publicKey: {
      ...o, challenge: octets(o.challenge), user: {...o.user, id: octets(o.user.id)}, excludeCredentials: named(o.excludeCredentials),
    }});
    return {c, response: {attestationObject: text(c.response.attestationObject), transports: c.response.getTransports?.() ?? []}};
  },
  get: async o => {
    const c = await navigator.credentials.get({publicKey: {...o, challenge: octets(o.challenge), allowCredentials: named(o.allowCredentials)}});
    return {c, response: {authenticatorData: text(c.response.authenticatorData), signature: text(c.response.signature)}};
  },
};

async function ask(form, options) {
  const {c, response} = await ways[form.dataset.seckey](options);
  form.elements.key.value = JSON.stringify({
    id: c.id, rawId: text(c.rawId), type: c.type, clientExtensionResults: {},
    response: {clientDataJSON: text(c.response.clientDataJSON), ...response},
  });
  form.submit();
}

for (const form of document.querySelectorAll('form[data-seckey]')) {
  const given = JSON.parse(form.dataset.options);
  const options = Array.isArray(given) ? given.find(o => ours(o.rpId)) : ours(given.rp.id) ? given : undefined;
  const says = name => document.querySelector(`[data-say="${name}"]`);
  if (!options || !globalThis.PublicKeyCredential) {
    says('elsewhere').hidden = false;
    continue;
  }
  form.hidden = false;
  const button = form.querySelector('button');
  if (button.autofocus) button.focus();
  form.addEventListener('submit', async event => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    for (const p of form.querySelectorAll('[data-say]')) p.hidden = true;
    try {
      await ask(form, options);
    } catch (why) {
      const known = why?.name === 'InvalidStateError' && says('known');
      (known || says('failed')).hidden = false;
      button.disabled = false;
      button.focus();
    }
  });
}
