import { randomInt } from 'node:crypto';

/** What pgDump looks for, and more: in a message, a letter of the next one may follow where in the script a word ends. */
const COMMAND = /(?<=\\)(?:un)?restrict/gi;

const BACKSLASH = 0x5c;

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/**
 * pgDump deletes every line of the script that begins with `\restrict` or `\unrestrict`, for pg_dump itself writes two of
 * them; and for its expression a line begins after a carriage return, U+2028 and U+2029 as well. A function's body, a
 * comment or a name may hold such a line, and would lose it without a word. So those words, wherever the server sends them
 * after a backslash, are hidden from pgDump behind random ones of the same length, and put back into what pg_dump asks of
 * the server and into the script. What stands before the backslash does not matter: pg_dump may take escapes away.
 */
export class RestrictMask {
	/** Random word by what it stands for, as "binary" strings. */
	readonly #words = new Map<string, string>();

	/** Hides such words in what the server says; the lengths of its messages stay true. */
	hide(reply: Buffer): Buffer {
		// Few answers hold a backslash, and some are of several megabytes.
		if (!reply.includes(BACKSLASH)) return reply;
		const text = reply.toString('latin1');
		const hidden = text.replace(COMMAND, (word) => this.#wordFor(word));
		return hidden === text ? reply : Buffer.from(hidden, 'latin1');
	}

	/** Puts the words back. */
	show(text: string): string {
		let shown = text;
		for (const [word, hidden] of this.#words) shown = shown.replaceAll(hidden, word);
		return shown;
	}

	#wordFor(word: string): string {
		const known = this.#words.get(word) ?? Array.from(word, () => LETTERS[randomInt(LETTERS.length)]).join('');
		this.#words.set(word, known);
		return known;
	}
}
