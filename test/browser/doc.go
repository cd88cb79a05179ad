// Package browser tests webmail the way people meet it: webmaild runs with its
// session programs on a loopback port, and headless Chromium visits it.
//
//	go test ./test/browser                       everything
//	go test ./test/browser -run Screens -shots d also keeps the screenshots in d
//
// story_test.go is all that people do with their mail, in Chromium and in Firefox
// (firefox_test.go), with and without scripts; journey_test.go is a visit that looks at the
// doors, code_test.go one with a second factor, writing_test.go writes mail,
// settings_test.go changes what people can change, hostile_test.go shows the
// several hundred messages of test/hostile, which can neither run nor load anything
// (stage_test.go is the theatre: it takes away one defence after the other),
// attack_test.go attacks from outside, autoconfig_test.go compares what mail programs are
// told with the records of DNS,
// and screens_test.go looks at every page in both colour schemes, two widths, and a language
// of each direction; axe_test.go asks axe-core, which finds nothing of WCAG 2.2 at level AA.
// reach_test.go goes by keyboard alone and through windows of 320 px, load_test.go weighs
// a first visit, and readme_test.go takes the pictures of README ("make pictures").
// Most tests have a window each in one browser. Where there is no Chromium, no Firefox or
// no axe-core, the tests are skipped and say so.
package browser
