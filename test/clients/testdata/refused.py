"""Tries what must be refused and prints what the server says.

refused.py imap imaps pop3 pop3s certificate
"""
import imaplib, json, poplib, ssl, sys

imap, imaps, pop3, pop3s = map(int, sys.argv[1:5])
trust = ssl.create_default_context(cafile=sys.argv[5])
said = {}


def refused(name, call, *args):
    try:
        said[name] = "ACCEPTED: %r" % (call(*args),)
    except (imaplib.IMAP4.error, poplib.error_proto) as e:
        said[name] = str(e)


m = imaplib.IMAP4("127.0.0.1", imap)
said["capabilities"] = " ".join(m.capabilities)
refused("LOGIN", m.login, "demo", "demo")
refused("AUTHENTICATE", m.authenticate, "PLAIN", lambda _: b"\0demo\0demo")
m.starttls(trust)
said["capabilities with TLS"] = " ".join(m.capabilities)
said["LOGIN with TLS"] = m.login("demo", "demo")[0]
m.logout()

m = imaplib.IMAP4_SSL("127.0.0.1", imaps, ssl_context=trust)
refused("LOGIN wrong", m.login, "demo", "Demo")
said["LOGIN after"] = m.login("demo", "demo")[0]
m.logout()

p = poplib.POP3("127.0.0.1", pop3)
said["capa"] = " ".join(p.capa())
refused("USER", p.user, "demo")
p.stls(trust)
said["capa with STLS"] = " ".join(p.capa())
p.user("demo")
refused("PASS wrong", p.pass_, "Demo")
p.user("demo")
said["PASS after"] = p.pass_("demo").decode()[:3]
p.quit()

json.dump(said, sys.stdout)
