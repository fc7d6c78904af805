import { bytesOf } from '../name';

const SLASH = Buffer.from('/');

/** The path of an entry, as bytes. */
export function pathOf(root: Uint8Array, name: string): Buffer {
	const folder = Buffer.from(root.buffer, root.byteOffset, root.length);
	return name === '' ? folder : Buffer.concat([folder, SLASH, bytesOf(name)]);
}
