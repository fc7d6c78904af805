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

/** That with Simplify off there is all that there is with it on, and more. */
export function expectMore(simple: Record<string, unknown>, full: Record<string, unknown>): void {
	expect(full).toMatchObject(simple);
	expect(Object.keys(full).length).toBeGreaterThan(Object.keys(simple).length);
}
