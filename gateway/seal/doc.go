// Package seal keeps the upstream's cookies apart from the browser's. A Box turns a cookie as the application knows it into one as
// the browser holds it, encrypted, signed and bound to its name and to one member session, and back. Only the Box knows which
// names pass as they are (cookies.plain) and which are sealed to the browser alone (cookies.keep). What does not open is dropped
// without an error: an upstream session id that was learned anywhere else is worthless at the door (invariant 2; threats A5, A6).
//
//	box.go     Box and its keys; what becomes of a name
//	names.go   names that never pass: the gateway's own, and those that PHP would fold into another
//	setcookie.go, date.go   Set-Cookie read by hand, as browsers do
//	answer.go  upstream → browser
//	open.go    browser → upstream
//	jar.go     the cookies of one upstream session
//	held.go    a signed-in upstream session that waits behind the door
package seal
