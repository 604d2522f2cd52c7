// Package scan finds credentials that are not the recognised login, anywhere in a request: the user and the password field of a
// login together, in query, cookies or body, however they are spelled (invariant 5; threats B4, B6, B17). Bodies are judged while
// they stream. Bytes that may begin a field's name are held back until it is clear that they do not, and once both names are
// there nothing more is handed out: mod_php runs a POST that was cut off with the fields it got, so not even the first byte of the
// second name may reach it.
//
// It finds too much rather than too little. Names are compared as the most forgiving reader of each format does (matcher.go), a body
// that is no clean multipart is read as a form and as JSON at once (pairs.go), one that begins as JSON or XML does also as lenient
// readers of these take it (keys.go), and part headers are looked for everywhere in a multipart body, wherever its boundaries may be
// (parts.go). login.elsewhere names the application's own forms that look so.
//
// What it looks for are names of fields: of a form, a part, a JSON object, an XML element or attribute. A login whose fields have no
// such names is not found, nor one in a format of its own: values in an order (XML-RPC, a JSON array), YAML, serialised PHP, a form or
// JSON within a value, XML whose names come out of entities or whose declaration names an encoding unlike ASCII, JSON5 whose keys are
// broken over lines or spelled with \x. Addresses that take these belong under doors.
//
// No reader keeps more than a name's worth of the body, whatever it is padded with, and results depend on the bytes alone, not on
// how they were cut into reads.
package scan
