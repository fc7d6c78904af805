/** What the keys of a bucket begin with, up to a slash, as one sees folders: for people to choose from. */
import { assertRoot, type S3Requests } from '../../storage/s3/requests';
import { elements, textOf } from '../../storage/s3/xml';
import { decoderOf } from './page';

/** Objects beside the prefixes count, too: so many pages of a thousand are asked for at the most. */
const MOST_PAGES = 5;

/**
 * Those that begin with a text and end with the first slash after it, in the server's order; of a bucket with many objects beside
 * them, maybe not all. Nothing but choices is made of them: what a backup holds comes from listBucket.
 * @throws S3Failure, CANCELLED
 */
export async function prefixesOf(
	requests: S3Requests,
	{ beginning = '', signal }: { beginning?: string; signal?: AbortSignal | undefined } = {},
): Promise<string[]> {
	const found = new Set<string>();
	let token: string | undefined;
	for (let page = 0; page < MOST_PAGES; page++) {
		const query: Record<string, string> = {
			'list-type': '2',
			delimiter: '/',
			'encoding-type': 'url',
			...(beginning && { prefix: beginning }),
			...(token !== undefined && { 'continuation-token': token }),
		};
		const answer = await requests.send({ method: 'GET', query, signal });
		assertRoot(answer, 'ListBucketResult');
		const decoded = decoderOf(answer.text);
		for (const item of elements(answer.text, 'CommonPrefixes')) {
			const prefix = decoded(textOf(item, 'Prefix') ?? '');
			if (prefix?.startsWith(beginning) && prefix !== '') found.add(prefix);
		}
		const next: string | undefined = textOf(answer.text, 'NextContinuationToken') || undefined;
		if (textOf(answer.text, 'IsTruncated') !== 'true' || next === undefined || next === token) break;
		token = next;
	}
	return [...found];
}
