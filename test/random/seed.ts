/**
 * The seed of everything that tests draw at random: of fast-check's values, and of bytes that must look like noise. It is
 * the same at every run, so that a run fails for what was changed and for nothing else; `npm run test:soak` draws others.
 */
export const seed = Number(process.env['TEST_SEED'] ?? 20_260_115);
if (!Number.isInteger(seed) || Math.abs(seed) >= 2 ** 31) {
	throw new Error(`TEST_SEED must be a whole number of 32 bits: ${process.env['TEST_SEED']}`);
}
