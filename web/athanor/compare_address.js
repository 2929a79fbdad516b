// Which comparison the viewer in the page shows, and how, in the page's address: a link opens it again. It stands
// behind ? and not behind #, where the host keeps the open subgraph and takes away what it does not know.

const NAME = "athanor_view"; // ?athanor_view=my_run-0123456789ab~x=1&y=0, encoded

/** {name: of the comparison, text: its view (see viewer/address.js)} in the page's address; null: none. */
export function inAddress() {
  const [name, text = ""] = (new URLSearchParams(location.search).get(NAME) ?? "").split(/~(.*)/s);
  return name ? { name, text } : null;
}

/** Put a comparison with a view into the address, or take it out (null); `isStep`: Back returns to what was before. */
export function toAddress(shown, isStep) {
  const url = new URL(location.href);
  if (shown) url.searchParams.set(NAME, shown.text ? `${shown.name}~${shown.text}` : shown.name);
  else url.searchParams.delete(NAME);
  // The host's own state stays: its router needs it when the user goes back.
  if (url.href !== location.href) history[isStep ? "pushState" : "replaceState"](history.state, "", url);
}

/** What a viewer needs to keep its view there, see `hashOfPage` of viewer/address_bar.js. */
export function barOf(name) {
  return {
    read: () => (inAddress()?.name === name ? inAddress().text : ""),
    write: (text, isStep) => toAddress({ name, text }, isStep),
    listen(moved) {
      const heard = () => inAddress()?.name === name && moved();
      window.addEventListener("popstate", heard);
      return () => window.removeEventListener("popstate", heard);
    },
  };
}
