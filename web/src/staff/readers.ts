import { t } from "@/i18n";

const SHOWN_BY = { casework: "readers.casework", housing: "readers.housing", payments: "readers.payments", oversight: "readers.oversight" } as const;

/** What the service of a look shows, in people's words. */
export const shownBy = (service: string) => t(SHOWN_BY[service as keyof typeof SHOWN_BY]);
