import { reactive } from "vue";
import { api, connection } from "@/api/client";
import type { SessionView } from "@/api/schema";

export const session = reactive<{ user: SessionView | null; loaded: boolean; unreachable: boolean }>({
  user: null,
  loaded: false,
  unreachable: false,
});

let loading: Promise<void> | null = null;

export function loadSession(): Promise<void> {
  loading ??= api
    .session()
    .then((user) => {
      session.user = user;
      session.loaded = true;
      session.unreachable = false;
    })
    .catch(() => {
      session.unreachable = true;
      loading = null;
    });
  return loading;
}

export function signOnLink(next: string): string {
  return `/auth/login?next=${encodeURIComponent(next)}`;
}

/** Leaves nothing of this person on a shared phone or counter computer. */
export async function signOut(home: string): Promise<void> {
  try {
    await api.signOut();
  } finally {
    clearDrafts();
    connection.csrf = "";
    window.location.assign(home);
  }
}

export function clearDrafts(): void {
  try {
    window.sessionStorage.clear();
  } catch {
    // Storage is off: there is nothing to clear.
  }
}

export function hasRole(...roles: string[]): boolean {
  return session.user?.roles.some((role) => roles.includes(role)) ?? false;
}
