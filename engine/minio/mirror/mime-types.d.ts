/** The package comes without types. */
declare module 'mime-types' {
	/** The content type of a name by its extension, without a charset; false where it has none that is known. */
	export function lookup(name: string): string | false;
}
