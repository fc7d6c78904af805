import fc from 'fast-check';
import { expect, it } from 'vitest';

import { canonicalJson } from '../../../../engine/archive/manifest/canonical';

/** The same value with the members of all objects in another order. */
function reversed(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(reversed);
	if (typeof value !== 'object' || value === null) return value;
	return Object.fromEntries(
		Object.entries(value)
			.map(([name, member]) => [name, reversed(member)] as const)
			.reverse(),
	);
}

it('is the JSON of the same value, whatever order its members came in', () => {
	fc.assert(
		fc.property(fc.jsonValue(), (value) => {
			fc.pre(!JSON.stringify(value).includes('__proto__'));
			const text = canonicalJson(value);
			expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
			expect(canonicalJson(reversed(value))).toBe(text);
		}),
	);
});

it.each([3, 100])('orders %i names by their code units', (count) => {
	const names = Array.from({ length: count }, (_, index) => `${String.fromCodePoint(0x1f600 - index)}${index % 7}`);
	names.push('Z', 'a', 'é', '10', '9');
	const text = canonicalJson(Object.fromEntries(names.map((name) => [name, name])));
	expect(text).toBe(
		`{${names
			.sort()
			.map((name) => `${JSON.stringify(name)}:${JSON.stringify(name)}`)
			.join()}}`,
	);
});

it('leaves out members that are undefined, and refuses those that other programs lose', () => {
	expect(canonicalJson({ b: undefined, a: [undefined, 1], c: null })).toBe('{"a":[null,1],"c":null}');
	expect(() => canonicalJson(JSON.parse('{"a":{"__proto__":1}}'))).toThrow(SyntaxError);
});
