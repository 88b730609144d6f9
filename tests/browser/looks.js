// What the tests ask of a page, as tools such as axe do.
({
  // What tools such as axe look for first.
  basics: () => {
    const faults = [], shown = (each) => each.checkVisibility({ visibilityProperty: true });
    const named = (each) => each.getAttribute("aria-label") || each.textContent.trim()
      || [...(each.labels || [])].map((label) => label.textContent.trim()).join("")
      || [...each.querySelectorAll("img")].map((img) => img.alt).join("");
    const what = (each) => `${each.tagName} #${each.id} .${each.className} ${each.textContent.slice(0, 30)}`;
    for (const each of document.querySelectorAll("input, select, button, a, summary, section, nav, [role=img]")) {
      if (shown(each) && !named(each)) faults.push(`no name: ${what(each)}`);
    }
    for (const each of document.querySelectorAll("[tabindex]")) if (each.tabIndex > 0) faults.push(`tabindex: ${what(each)}`);
    for (const each of document.images) if (!each.hasAttribute("alt")) faults.push(`no alt: ${each.src}`);
    const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`two of #${id}`);
    for (const each of document.querySelectorAll("[data-words]")) if (!each.textContent || each.textContent === "undefined") faults.push(`no words: ${each.dataset.words}`);
    if (document.documentElement.outerHTML.includes("undefined")) faults.push("undefined stands on the page");
    if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
    if (!document.documentElement.lang) faults.push("no language");
    return faults;
  },

  // Texts with less contrast than WCAG 2 AA asks for.
  contrast: () => {
    const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (colour) => {
      paint.clearRect(0, 0, 1, 1);
      paint.fillStyle = colour;
      paint.fillRect(0, 0, 1, 1);
      return [...paint.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => {
      const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const ground = (each) => {
      for (let at = each; at; at = at.parentElement) {
        const colour = rgba(getComputedStyle(at).backgroundColor);
        if (colour[3] === 255) return colour;
      }
      return [255, 255, 255];
    };
    const faults = [];
    for (const each of document.querySelectorAll("body *")) {
      const own = [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
      if (!own || !each.checkVisibility() || each.closest(":disabled, .unseen, .skip, #preview, svg")) continue;
      const style = getComputedStyle(each), pair = [light(rgba(style.color)), light(ground(each))].sort((a, b) => b - a);
      const ratio = (pair[0] + 0.05) / (pair[1] + 0.05), large = parseFloat(style.fontSize) >= 24;
      if (ratio < (large ? 3 : 4.5)) faults.push(`${ratio.toFixed(2)}: ${each.tagName} .${each.className} ${each.textContent.slice(0, 30)}`);
    }
    return faults;
  },

  // The places of what the tab key has to reach, in order.
  reachable: () => [...document.querySelectorAll("a[href], button, input, select, summary")]
    .filter((each) => each.tabIndex >= 0 && !each.disabled && each.checkVisibility({ visibilityProperty: true }))
    .map((each) => [...document.querySelectorAll("*")].indexOf(each)),

  // What has the focus, and whether one sees that.
  focused: () => {
    const each = document.activeElement, drawn = each.matches("label .unseen") ? each.parentElement : each;
    const style = getComputedStyle(drawn);
    return { place: [...document.querySelectorAll("*")].indexOf(each), tag: `${each.tagName} #${each.id} .${each.className}`,
             outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 };
  },
})
