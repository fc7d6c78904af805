const YEARS = [2024, 2025, 2026];
const PER_YEAR = 20;

/** What users know the S3 server's bucket of documents by. */
export const DOCUMENTS = 'documents';

/** That of the shop's pictures. */
export const PICTURES = 'pictures';

/** Fills two buckets: contracts by year, and pictures of products. */
export async function createObjects({ client, createBucket }) {
	await createBucket(DOCUMENTS);
	await createBucket(PICTURES);
	for (const year of YEARS) {
		for (let number = 1; number <= PER_YEAR; number++) {
			const text = `Contract ${number} of ${year}\n`.repeat(50 + number);
			const metadata = { 'content-type': 'text/plain', customer: `Customer ${number}` };
			await client.putObject(DOCUMENTS, `contracts/${year}/${number}.txt`, text, text.length, metadata);
		}
	}
	for (let number = 1; number <= PER_YEAR; number++) {
		const svg = `<svg xmlns="http://www.w3.org/2000/svg"><circle r="${number}"/></svg>`;
		await client.putObject(PICTURES, `products/${number}.svg`, svg, svg.length, { 'content-type': 'image/svg+xml' });
	}
}
