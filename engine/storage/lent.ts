/**
 * Memory that goes back to where it came from. Whoever hands out large chunks, gigabytes in all, may lend them; whoever has
 * copied or written one gives it back, so that it is filled again instead of being collected as garbage, which takes n8n's
 * whole process longer than the copying. A chunk that nobody gives back is simply collected.
 */
const owners = new WeakMap<Uint8Array, () => void>();

/** Hands out a chunk; `takeBack` is called once when it may be written to again. */
export function lend(chunk: Uint8Array, takeBack: () => void): Uint8Array {
	owners.set(chunk, takeBack);
	return chunk;
}

/** To be called by the last reader of a chunk, which does not touch it again; does nothing for one that was not lent. */
export function giveBack(chunk: Uint8Array): void {
	const takeBack = owners.get(chunk);
	owners.delete(chunk);
	takeBack?.();
}

/**
 * Frees memory at once that nobody reads any more, nor any call of the system that is still at work. The garbage collector knows
 * little of the size of such buffers and comes late, when they are tens of megabytes. A buffer that is part of a larger memory is
 * left to it.
 */
export function release({ buffer, length }: Buffer): void {
	// Part of JavaScript since 2024; TypeScript describes it with a later library than the one that we build with.
	const memory = buffer as ArrayBufferLike & { transfer(newLength: number): ArrayBuffer };
	if (memory.byteLength === length) memory.transfer(0);
}
