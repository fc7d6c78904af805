import { expect } from 'vitest';

/** The columns that n8n's table shows for these items; each value stands in one line of it, and none is shown in red. */
export function columnsOf(items: ReadonlyArray<Record<string, unknown>>): string[] {
	for (const [column, value] of items.flatMap((item) => Object.entries(item))) {
		expect(['string', 'number', 'boolean'], `${column}: ${JSON.stringify(value)}`).toContain(typeof value);
		expect(value, column).not.toBe('');
	}
	const columns = [...new Set(items.flatMap((item) => Object.keys(item)))];
	expect(columns.length, columns.join()).toBeLessThanOrEqual(10);
	return columns;
}

/** That no row lacks a column that another has: n8n would show a red `undefined` there. */
export function expectNoGaps(items: ReadonlyArray<Record<string, unknown>>): void {
	for (const item of items) expect(Object.keys(item)).toEqual(Object.keys(items[0]!));
}

/** That with Simplify off there is all that there is with it on, and more. */
export function expectMore(simple: Record<string, unknown>, full: Record<string, unknown>): void {
	// A gap is filled only where the items are a table.
	for (const [name, value] of Object.entries(simple))
		expect(full[name] ?? (typeof value === 'number' ? 0 : false), name).toEqual(value);
	expect(Object.keys(full).length).toBeGreaterThan(Object.keys(simple).length);
}
