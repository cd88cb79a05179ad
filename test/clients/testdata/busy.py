"""Appends, changes flags and expunges for some seconds, on one connection.

busy.py imaps certificate seconds: expunges the messages whose subject is
"victim N", one by one. Prints which it has expunged and what it has appended.
"""
import imaplib, json, ssl, sys, time

m = imaplib.IMAP4_SSL("127.0.0.1", int(sys.argv[1]), ssl_context=ssl.create_default_context(cafile=sys.argv[2]))
m.login("demo", "demo")
end = time.monotonic() + float(sys.argv[3])


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


ok(m.select("INBOX"))
appended, expunged, n = [], [], 0
while time.monotonic() < end:
    subject = "appended %d" % n
    ok(m.append("INBOX", r"(\Seen)", None, b"Message-ID: <appended.%d@here>\nSubject: %s\n\nbody\n" % (n, subject.encode())))
    appended.append(subject)
    uids = ok(m.uid("SEARCH", "ALL"))[0].split()
    assert uids == sorted(set(uids), key=int), uids
    some = b",".join(uids[n % 7 :: 7]).decode()
    ok(m.uid("STORE", some, "+FLAGS" if n % 2 else "-FLAGS", r"(\Flagged $Busy)"))
    found = ok(m.uid("SEARCH", "SUBJECT", '"victim %d."' % n))[0].split()
    if found:
        assert len(found) == 1, found
        ok(m.uid("STORE", found[0].decode(), "+FLAGS", r"(\Deleted)"))
        ok(m.uid("EXPUNGE", found[0].decode()))
        assert not ok(m.uid("SEARCH", "SUBJECT", '"victim %d."' % n))[0]
        expunged.append("victim %d." % n)
    n += 1
m.logout()
json.dump({"appended": appended, "expunged": expunged}, sys.stdout)
