/** As long as both are the same, so are content and metadata of an object; an overwrite with the same content changes the time. */
export function stateOf(etag: string, modifiedAt: number): string {
	return `${etag} ${modifiedAt}`;
}

export function etagIn(state: string): string {
	return state.slice(0, state.lastIndexOf(' '));
}
