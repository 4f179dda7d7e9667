// What the pages and their libraries count on and WebViews back to Chrome 64 (Android 9 and older) do not have. Before everything else, and no module: a
// module's imports run first. Nothing here for what a newer browser has.
(function () {
  "use strict";
  if (typeof globalThis === "undefined") Object.defineProperty(window, "globalThis", { value: window, writable: true, configurable: true });

  function add(target, name, value) {
    if (!target[name]) Object.defineProperty(target, name, { value: value, writable: true, configurable: true });
  }

  add(Object, "fromEntries", function (entries) {
    var made = {};
    for (var entry of entries) made[entry[0]] = entry[1];
    return made;
  });
  add(Object, "hasOwn", function (object, name) {
    return Object.prototype.hasOwnProperty.call(object, name);
  });
  add(Array.prototype, "flat", function (depth) {
    var levels = depth === undefined ? 1 : depth;
    return this.reduce(function (all, item) {
      return all.concat(Array.isArray(item) && levels > 1 ? item.flat(levels - 1) : levels < 1 ? [item] : item);
    }, []);
  });
  add(Array.prototype, "flatMap", function (call, self) {
    return this.map(call, self).flat();
  });
  function at(index) {
    var place = Math.trunc(index) || 0;
    return this[place < 0 ? this.length + place : place];
  }
  add(Array.prototype, "at", at);
  add(String.prototype, "at", function (index) {
    return at.call(String(this), index);
  });
  add(Array.prototype, "findLast", function (call, self) {
    for (var index = this.length - 1; index >= 0; index--) if (call.call(self, this[index], index, this)) return this[index];
    return undefined;
  });
  add(String.prototype, "trimStart", String.prototype.trimLeft);
  add(String.prototype, "trimEnd", String.prototype.trimRight);
  add(String.prototype, "replaceAll", function (found, by) {
    return found instanceof RegExp ? this.replace(found, by) : this.split(found).join(typeof by === "function" ? by(found) : by);
  });
  add(String.prototype, "matchAll", function (pattern) {
    var copy = new RegExp(pattern.source, pattern.flags);
    var all = [];
    for (var match = copy.exec(this); match; match = copy.exec(this)) {
      all.push(match);
      if (match[0] === "") copy.lastIndex++;
    }
    return all[Symbol.iterator]();
  });
  add(Promise, "allSettled", function (promises) {
    return Promise.all(
      Array.from(promises, function (each) {
        return Promise.resolve(each).then(
          function (value) {
            return { status: "fulfilled", value: value };
          },
          function (reason) {
            return { status: "rejected", reason: reason };
          },
        );
      }),
    );
  });
  add(window, "queueMicrotask", function (call) {
    Promise.resolve().then(call);
  });
})();
