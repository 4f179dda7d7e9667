/** Browser storage that may be switched off (private windows, locked-down WebViews): then nothing is kept, and nothing breaks. */
export function keep(where: "localStorage" | "sessionStorage", name: string, value: string | null): void {
  try {
    if (value === null) window[where].removeItem(name);
    else window[where].setItem(name, value);
  } catch {
    // Not kept.
  }
}

export function kept(where: "localStorage" | "sessionStorage", name: string): string | null {
  try {
    return window[where].getItem(name);
  } catch {
    return null;
  }
}
