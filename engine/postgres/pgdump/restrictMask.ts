import { randomBytes } from 'node:crypto';

/**
 * pgDump deletes every line of the script that begins with `\restrict` or `\unrestrict`, for pg_dump itself writes two of
 * them. A function's body, a comment or a name may hold such a line too, and would lose it without a word. So that line's
 * first word, where it comes from the server, is hidden from pgDump behind a random word of the same length, and put back
 * into what pg_dump asks of the server and into the script.
 */
export class RestrictMask {
	/** Random word by what it stands for, as "binary" strings. */
	readonly #words = new Map<string, string>();

	/** Hides such words in what the server says; the lengths of its messages stay true. */
	hide(reply: Buffer): Buffer {
		const text = reply.toString('latin1');
		const hidden = text.replace(/(?<=\n)\\(?:un)?restrict\b/gi, (word) => this.#wordFor(word));
		return hidden === text ? reply : Buffer.from(hidden, 'latin1');
	}

	/** Puts the words back. */
	show(text: string): string {
		let shown = text;
		for (const [word, hidden] of this.#words) shown = shown.replaceAll(hidden, word);
		return shown;
	}

	#wordFor(word: string): string {
		const known = this.#words.get(word) ?? randomBytes(word.length).toString('hex').slice(0, word.length);
		this.#words.set(word, known);
		return known;
	}
}
