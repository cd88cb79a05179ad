"""What imaplib does not know by itself: ENABLE, IDLE by hand, APPEND with a keyword.

extended.py imaps certificate: prints "idling", waits until it is told of a message,
and then of one less; appends one in UTF-8; prints what it was told.
"""
import imaplib, json, ssl, sys

m = imaplib.IMAP4_SSL("127.0.0.1", int(sys.argv[1]), ssl_context=ssl.create_default_context(cafile=sys.argv[2]))
m.login("demo", "demo")


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


enabled = []
if "QRESYNC" in m.capabilities:
    ok(m.enable("CONDSTORE QRESYNC"))
    enabled = m.response("ENABLED")[1][0].decode().split()
count = int(ok(m.select("INBOX"))[0])

# IDLE by hand: DONE goes out in one packet with the command after it.
told = []
m.send(b"i IDLE\r\n")
assert m.readline().startswith(b"+ ")
print("idling", flush=True)
while not any(b"EXPUNGE" in l or b"VANISHED" in l for l in told):
    told.append(m.readline().rstrip(b"\r\n"))
m.send(b"DONE\r\nj NOOP\r\n")
while not (line := m.readline()).startswith(b"i "):
    told.append(line.rstrip(b"\r\n"))
assert line.startswith(b"i OK"), line
while not (line := m.readline()).startswith(b"j "):
    told.append(line.rstrip(b"\r\n"))
assert line.startswith(b"j OK"), line

text = "From: a@example.org\nSubject: Grüße\nMessage-ID: <extended@example.org>\n\nbody\n".encode()
ok(m.append("INBOX", r"(\Flagged $Python)", '" 5-Mar-2025 06:07:08 +0100"', text))
found = ok(m.uid("SEARCH", "KEYWORD", "$Python"))[0].split()
assert len(found) == 1, found
state = ok(m.uid("FETCH", found[0].decode(), "(FLAGS INTERNALDATE RFC822.SIZE)"))
m.logout()
json.dump({"enabled": enabled, "count": count, "told": [l.decode() for l in told], "state": state[0].decode()}, sys.stdout)
