/** What makes the rest of a tar unreadable. The message ends a sentence that begins with the tar's name. */
export class TarDamage extends Error {
	constructor(
		/** Byte of the outermost file. */
		readonly offset: number,
		message: string,
	) {
		super(message);
	}
}
