"""Reads all mail over IMAP and POP3, each in two ways, and prints it as JSON.

read.py imap imaps pop3 pop3s certificate: the ports, and whom to trust.
"""
import base64, imaplib, json, poplib, re, ssl, sys, time

imap, imaps, pop3, pop3s = map(int, sys.argv[1:5])
trust = ssl.create_default_context(cafile=sys.argv[5])
poplib._MAXLINE = 1 << 20


def text(data):
    return base64.b64encode(data).decode()


def read_imap(m):
    m.login("demo", "demo")
    boxes = {}
    for line in m.list()[1]:
        flags, name = re.fullmatch(rb'\((.*?)\) "\." "?(.*?)"?', line).groups()
        if b"\\Noselect" in flags:
            continue
        quoted = '"' + name.decode() + '"'
        typ, count = m.select(quoted, readonly=True)
        assert typ == "OK", count
        mails = []
        if int(count[0]):
            typ, answer = m.uid("FETCH", "1:*", "(FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])")
            assert typ == "OK", answer
            for part in answer:
                if not isinstance(part, tuple):
                    continue
                head, data = part
                assert int(re.search(rb"RFC822\.SIZE (\d+)", head)[1]) == len(data), head
                mails.append({
                    "uid": int(re.search(rb"UID (\d+)", head)[1]),
                    "flags": sorted(f.decode() for f in imaplib.ParseFlags(head)),
                    "date": int(time.mktime(imaplib.Internaldate2tuple(head))),
                    "data": text(data),
                })
        boxes[name.decode()] = mails
    m.close()
    assert m.logout()[0] == "BYE"
    return boxes


def read_pop3(p):
    assert p.capa()["UTF8"] == ["USER"] and "LANG" in p.capa()
    p.utf8()  # messages as they are, also those with UTF-8 in their headers
    p.user("demo")
    p.pass_("demo")
    count, size = p.stat()
    uidl = [line.split()[1].decode() for line in p.uidl()[1]]
    mails = [b"".join(line + b"\r\n" for line in p.retr(i + 1)[1]) for i in range(count)]
    tops = [b"".join(line + b"\r\n" for line in p.top(i + 1, 0)[1]) for i in range(0, count, 10)]
    for i, top in enumerate(tops):
        assert mails[10 * i].startswith(top), i
    p.quit()
    return {"count": count, "size": size, "uidl": uidl, "data": [text(m) for m in mails]}


def starttls():
    m = imaplib.IMAP4("127.0.0.1", imap)
    assert "STARTTLS" in m.capabilities
    assert m.starttls(trust)[0] == "OK"
    assert "STARTTLS" not in m.capabilities, m.capabilities
    assert isinstance(m.sock, ssl.SSLSocket) and m.sock.version() == "TLSv1.3", m.sock
    return m


def stls():
    p = poplib.POP3("127.0.0.1", pop3)
    assert "STLS" in p.capa()
    p.stls(trust)
    assert "STLS" not in p.capa()
    assert p.sock.version() == "TLSv1.3"
    return p


json.dump({
    "imap": [read_imap(imaplib.IMAP4_SSL("127.0.0.1", imaps, ssl_context=trust)), read_imap(starttls())],
    "pop3": [read_pop3(poplib.POP3_SSL("127.0.0.1", pop3s, context=trust)), read_pop3(stls())],
}, sys.stdout)
