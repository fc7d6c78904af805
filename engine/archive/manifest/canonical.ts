/**
 * JSON as one text, whatever its members were written in: without white space, members by the order of their names' code
 * units. So a manifest may pass through a database or another program that sorts them, and is still the same. A member named
 * `__proto__` is refused: programs that copy objects lose it, so two of them could see two manifests in one text.
 * @throws SyntaxError, and RangeError where it is nested too deep
 */
export function canonicalJson(value: unknown): string {
	if (typeof value !== 'object' || value === null) return JSON.stringify(value);
	// A list of backups makes this text of each manifest, so it is written without lists of its pieces.
	let text = '';
	if (Array.isArray(value)) {
		for (const one of value as unknown[]) text += (text === '' ? '' : ',') + canonicalJson(one ?? null);
		return `[${text}]`;
	}
	for (const name of inOrder(Object.keys(value))) {
		if (name === '__proto__') throw new SyntaxError('It has a member named __proto__.');
		const member = (value as Record<string, unknown>)[name];
		if (member !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${canonicalJson(member)}`;
	}
	return `{${text}}`;
}

/** More names than objects of ours have; insertion takes too long for them. */
const MANY_NAMES = 32;

/** Sorts names in place. For a few of them, insertion takes less time and memory than the method of lists does. */
function inOrder(names: string[]): string[] {
	if (names.length > MANY_NAMES) return names.sort();
	for (let index = 1; index < names.length; index++) {
		const name = names[index] as string;
		let at = index;
		for (; at > 0 && (names[at - 1] as string) > name; at--) names[at] = names[at - 1] as string;
		names[at] = name;
	}
	return names;
}
