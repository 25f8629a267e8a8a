// The attention patterns of every layer and head, and how they are painted.

export const MEAN = -1; // in the place of a head: the mean of all heads

// 16 bits a share, little-endian in base64: steps of 1/65535, in each row finer by a power of two
// for all keys but the first. Patterns have only the cells that exist, row by row.
function decodeShares({ weights, finer, tokens }) {
	const bytes = atob(weights);
	const shares = new Float64Array(bytes.length / 2);
	let i = 0;
	for (let row = 0; i < shares.length; row++) {
		const divisor = 2 ** Number.parseInt(finer[row], 36);
		for (let key = 0; key <= row % tokens.length; key++, i++) {
			const steps = bytes.charCodeAt(2 * i) + 256 * bytes.charCodeAt(2 * i + 1);
			shares[i] = steps / 65535 / (key ? divisor : 1);
		}
	}
	return shares;
}

const cellsAbove = (query) => (query * (query + 1)) / 2;

// Patterns from a page's data; `shares` may come from elsewhere.
export class Patterns {
	constructor(data, shares = decodeShares(data)) {
		this.data = data;
		this.shares = shares;
	}

	share(layer, head, query, key) {
		const start = (layer * this.data.heads + head) * cellsAbove(this.data.tokens.length);
		return this.shares[start + cellsAbove(query) + key];
	}

	// The shares of one query by key. Without the first token, its share is null and the others
	// are scaled to sum to one.
	row({ layer, head, withoutFirst }, query) {
		const { heads } = this.data;
		const [from, to] = head === MEAN ? [0, heads] : [head, head + 1];
		const shares = [];
		for (let key = 0; key <= query; key++) {
			let sum = 0;
			for (let h = from; h < to; h++) {
				sum += this.share(layer, h, query, key);
			}
			shares.push(sum / (to - from));
		}
		if (!withoutFirst) return shares;
		const rest = shares.slice(1).reduce((sum, share) => sum + share, 0);
		return shares.map((share, key) => (key && rest ? share / rest : null));
	}

	draw(canvas, pattern) {
		const rows = this.data.tokens.map((_, query) => this.row(pattern, query));
		this.paint(canvas, rows);
	}

	// A pixel a cell; the stylesheet makes them large. What does not exist stays empty.
	paint(canvas, rows) {
		const image = new ImageData(canvas.width, canvas.height);
		rows.forEach((shares, y) => {
			shares.forEach((share, x) => {
				if (share !== null) image.data.set(this.rgba(share), 4 * (y * canvas.width + x));
			});
		});
		canvas.getContext("2d").putImageData(image, 0, 0);
	}

	rgba(share) {
		const { shades } = this.data;
		const count = shades.length / 6;
		const start = 6 * Math.min(count - 1, Math.floor(share * count));
		const rgb = Number.parseInt(shades.slice(start, start + 6), 16);
		return [rgb >> 16, (rgb >> 8) & 255, rgb & 255, 255];
	}
}
