package front

import (
	"net"
	"time"
)

// keepAlive finds clients that are gone without a word: the kernel asks, and the
// sessions need say nothing. A phone is woken by each question, so they are rare; the
// default of package net, every 15 seconds, empties batteries. They are not so rare
// either that a network which forgets silent connections, some after half an hour,
// cuts off a client in IDLE, which has to speak every 29 minutes only (RFC 9051
// section 6.3.13). FairEmail takes a server for one that wakes phones if it hears
// something within 12 minutes.
var keepAlive = net.KeepAliveConfig{
	Enable:   true,
	Idle:     13 * time.Minute,
	Interval: time.Minute,
	Count:    5,
}

// keepAlives sets up a connection, if it is of TCP.
func keepAlives(conn net.Conn) error {
	if tcp, ok := conn.(*net.TCPConn); ok {
		return tcp.SetKeepAliveConfig(keepAlive)
	}
	return nil
}
