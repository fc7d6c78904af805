/**
 * The only variable of our environment that threads and processes of ours get: the folder in which Node keeps the code that it has
 * compiled (NODE_COMPILE_CACHE), if there is one. They load the same files for each database.
 */
export function compileCache(): { NODE_COMPILE_CACHE?: string } {
	const { NODE_COMPILE_CACHE } = process.env;
	return NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };
}
