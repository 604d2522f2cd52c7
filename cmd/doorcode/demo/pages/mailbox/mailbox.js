// The page is drawn by the server; when a message arrives the list is fetched anew.
"use strict";
let seen = null;
new EventSource("/events").onmessage = async (event) => {
  if (seen !== null && seen !== event.data) {
    const page = await (await fetch("/")).text();
    const list = new DOMParser().parseFromString(page, "text/html").getElementById("messages");
    document.getElementById("messages").replaceWith(list);
  }
  seen = event.data;
};
