"""Leaves mail on the server, with poplib: retrieves what it has not seen yet.

leave.py pop3s certificate seen directory: seen is a file of unique-ids; each
message becomes a file in the directory.
"""
import os, poplib, ssl, sys

_, port, certificate, seen, directory = sys.argv
known = set(open(seen).read().split()) if os.path.exists(seen) else set()
p = poplib.POP3_SSL("127.0.0.1", int(port), context=ssl.create_default_context(cafile=certificate))
p.user("demo")
p.pass_("demo")
capabilities = p.capa()
assert "UIDL" in capabilities and "TOP" in capabilities, capabilities
for line in p.uidl()[1]:
    number, uidl = line.decode().split()
    if uidl not in known:
        lines = p.retr(int(number))[1]
        with open(os.path.join(directory, "%d.%s" % (len(known), uidl)), "xb") as f:
            f.write(b"\n".join(lines) + b"\n")
        known.add(uidl)
p.quit()
with open(seen, "w") as f:
    f.write("\n".join(known))
