// The code page works without this file. It adds: a code pasted or read from the SMS is tidied up, the resend button counts down,
// nothing is sent twice, and who waits too long is told. Written for old phones: no syntax younger than ES5.
(function () {
  "use strict";

  function byId(id) { return document.getElementById(id); }
  function seconds(element) { return parseInt(element.getAttribute("data-in"), 10) || 0; }

  var form = byId("code-form"), field = byId("code"), status = byId("status");
  var digits = field ? parseInt(field.getAttribute("data-digits"), 10) || 6 : 6;

  // A screen reader says a live region again only when its text changes (WCAG 4.1.3).
  function say(text) { status.textContent = ""; setTimeout(function () { status.textContent = text; }, 50); }

  // Arabic-Indic and Persian digits are the same code; the server reads them too.
  function plain(text) {
    return text.replace(/[\u0660-\u0669\u06F0-\u06F9]/g, function (d) { return String(d.charCodeAt(0) & 15); });
  }
  function tidy(text) {
    return plain(text).replace(/[\s\u00A0\u00AD\u061C\u200B-\u200F\u2010-\u2015\u202A-\u202E\u2066-\u2069\uFEFF.-]/g, "");
  }

  // codeIn finds the code in a pasted text: the whole of it, or the one number of the right length in a whole SMS.
  function codeIn(text) {
    var whole = tidy(text);
    if (/^[0-9]+$/.test(whole)) return whole;
    var found = new RegExp("(?:^|[^0-9])([0-9]{" + digits + "})(?![0-9])").exec(plain(text));
    return found ? found[1] : "";
  }

  if (field) field.addEventListener("paste", function (event) {
    var clip = event.clipboardData || window.clipboardData;
    var code = clip ? codeIn(clip.getData("text")) : "";
    if (!code) return;
    event.preventDefault();
    field.value = code;
  });

  // One press, one request: a second one would count as another try.
  function once(each) {
    each.addEventListener("submit", function (event) {
      if (each.getAttribute("data-sent")) { event.preventDefault(); return; }
      each.setAttribute("data-sent", "1");
      var button = each.querySelector("button");
      if (each !== form) return;
      field.value = tidy(field.value);
      button.setAttribute("data-text", button.textContent);
      button.textContent = button.getAttribute("data-busy");
    });
  }
  var forms = document.querySelectorAll("form");
  for (var i = 0; i < forms.length; i++) once(forms[i]);

  // Back from the browser's page cache everything may be sent again.
  window.addEventListener("pageshow", function (event) {
    if (!event.persisted) return;
    for (var i = 0; i < forms.length; i++) {
      var button = forms[i].querySelector("button"), text = button && button.getAttribute("data-text");
      forms[i].removeAttribute("data-sent");
      if (text) button.textContent = text;
    }
  });

  if (!form || !field || !status) return; // the page that asks how the code is to be sent has no more to it

  // Both clocks go by the time that has passed, not by ticks: a phone in a pocket does not tick.
  var began = new Date().getTime();
  function left(total) { return total - Math.floor((new Date().getTime() - began) / 1000); }
  function clock(s) { return Math.floor(s / 60) + ":" + ("0" + s % 60).slice(-2); }

  var resend = byId("resend"), wait = byId("resend-wait"), pause = resend ? seconds(resend) : 0;
  var waiting = document.querySelectorAll("button.waits");
  function hold(closed) { for (var i = 0; i < waiting.length; i++) waiting[i].disabled = closed; }
  var counter = wait && wait.querySelector("bdi");
  if (pause > 0) hold(true);

  function tickResend() {
    if (pause <= 0) return;
    var s = left(pause);
    if (s > 0) {
      if (counter) { counter.setAttribute("dir", "ltr"); counter.textContent = clock(s); }
      return;
    }
    pause = 0;
    hold(false);
    if (wait) wait.hidden = true;
    say(resend.getAttribute("data-ready"));
  }

  // The code's life is a limit of security that cannot be extended (WCAG 2.2.1, essential), but nobody is left in front of a dead page.
  var life = seconds(status), warned = life < 60, over = life <= 0;
  function tickLife() {
    if (over) return;
    var s = left(life);
    if (s > 0 && s <= 60 && !warned) { warned = true; say(status.getAttribute("data-soon")); }
    if (s > 0) return;
    over = true;
    pause = 0;
    status.textContent = "";
    form.hidden = true;
    byId("again").hidden = true;
    byId("expired").hidden = false;
    byId("expired").focus();
  }

  // What became of a message that is on its way is on the page when it is asked for again; not while somebody is entering something.
  var routes = byId("routes"), remember = byId("remember"), look = routes ? seconds(routes) : 0;
  function tickLook() {
    if (look <= 0 || over || left(look) > 0) return;
    look = 0;
    if (!field.value && (!remember || remember.checked === remember.defaultChecked)) location.replace(form.getAttribute("action"));
  }

  function tick() { tickResend(); tickLife(); tickLook(); }
  tick();
  setInterval(tick, 1000);

  // WebOTP: Chrome on Android offers the code of an SMS whose last line is "@this-host #code". It is filled in, not sent: whoever
  // wants "Remember my device" must still be able to tick it.
  if (!("OTPCredential" in window) || !navigator.credentials || !window.AbortController) return;
  var stop = new AbortController();
  form.addEventListener("submit", function () { stop.abort(); });
  navigator.credentials.get({ otp: { transport: ["sms"] }, signal: stop.signal }).then(function (otp) {
    if (!otp || over) return;
    field.value = tidy(otp.code);
    say(field.getAttribute("data-filled"));
    byId("go").focus();
  }, function () { /* refused or unsupported: the field is there */ });
})();
