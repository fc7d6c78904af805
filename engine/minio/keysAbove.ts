/** Tells which keys lie below another object, `a/b` beside `a`, as they come by in order. In memory: the keys that the last one lies below. */
export class KeysAbove {
	/** Each begins with the one before it. */
	readonly #beginnings: string[] = [];

	/**
	 * @param key each once, in the order of compareNames
	 * @returns the nearest object that it lies below. A key that ends with a slash is no such object: it is what consoles make of a folder
	 */
	of(key: string): string | undefined {
		while (this.#beginnings.length > 0 && !key.startsWith(this.#beginnings.at(-1)!)) this.#beginnings.pop();
		// The key goes on after each of them.
		const above = this.#beginnings.findLast(({ length }) => key[length] === '/' && key.length > length + 1);
		if (!key.endsWith('/')) this.#beginnings.push(key);
		return above;
	}
}
