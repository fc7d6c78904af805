/**
 * JSON as one text, whatever its members were written in: without white space, members by the order of their names' code
 * units. So a manifest may pass through a database or another program that sorts them, and is still the same. A member named
 * `__proto__` is refused: programs that copy objects lose it, so two of them could see two manifests in one text.
 * @throws SyntaxError, and RangeError where it is nested too deep
 */
export function canonicalJson(value: unknown): string {
	if (Array.isArray(value)) return `[${value.map((one) => canonicalJson(one ?? null)).join(',')}]`;
	if (typeof value !== 'object' || value === null) return JSON.stringify(value);
	const members: string[] = [];
	for (const name of Object.keys(value).sort()) {
		if (name === '__proto__') throw new SyntaxError('It has a member named __proto__.');
		const member = (value as Record<string, unknown>)[name];
		if (member !== undefined) members.push(`${JSON.stringify(name)}:${canonicalJson(member)}`);
	}
	return `{${members.join(',')}}`;
}
