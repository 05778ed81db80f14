/** Amounts of money. Pure. */

/** A currency's sign is often letters and a mark (`US$`), which a line from right to left would turn round: there it stands in an isolate of its own. */
export const said = (parts: Intl.NumberFormatPart[], rtl: boolean): string =>
  parts.map(({ type, value }) => (rtl && type === 'currency' ? `\u2068${value}\u2069` : value)).join('');
