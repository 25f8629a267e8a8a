// Shows one slide at a time, and one step of a sequence: arrow keys, space, Home, End, F, swipes.
"use strict";
(() => {
	const slides = [...document.querySelectorAll(".slide")];
	let current = 0;

	const frames = (slide) => [...slide.querySelectorAll(".frame")];
	const step = (slide) => frames(slide).findIndex((frame) => frame.classList.contains("current"));

	const showFrame = (slide, index) => {
		frames(slide).forEach((frame, at) => frame.classList.toggle("current", at === index));
	};

	const show = (index, frame = 0) => {
		current = Math.max(0, Math.min(index, slides.length - 1));
		slides.forEach((slide, at) => slide.classList.toggle("current", at === current));
		const count = frames(slides[current]).length;
		showFrame(slides[current], frame < 0 ? count - 1 : frame);
		history.replaceState(null, "", `#slide-${current + 1}`);
		slides[current].focus({ preventScroll: true });
		slides[current].scrollTop = 0;
	};

	const move = (by) => {
		const slide = slides[current];
		const next = step(slide) + by;
		if (frames(slide).length > 0 && next >= 0 && next < frames(slide).length) {
			showFrame(slide, next);
		} else if (current + by >= 0 && current + by < slides.length) {
			show(current + by, by < 0 ? -1 : 0);
		}
	};

	const keys = {
		ArrowRight: () => move(1),
		ArrowDown: () => move(1),
		PageDown: () => move(1),
		" ": () => move(1),
		ArrowLeft: () => move(-1),
		ArrowUp: () => move(-1),
		PageUp: () => move(-1),
		Home: () => show(0),
		End: () => show(slides.length - 1),
		f: () =>
			document.fullscreenElement
				? document.exitFullscreen()
				: document.documentElement.requestFullscreen(),
	};

	document.addEventListener("keydown", (event) => {
		const inControl = event.target.closest("summary, input, a, .scroll:focus");
		const isOurs = keys[event.key] && !event.ctrlKey && !event.altKey && !event.metaKey;
		if (isOurs && !(inControl && (event.key === " " || event.target.matches("input")))) {
			event.preventDefault();
			keys[event.key]();
		}
	});

	let start = 0;
	document.addEventListener("touchstart", (event) => (start = event.changedTouches[0].clientX));
	document.addEventListener("touchend", (event) => {
		const distance = event.changedTouches[0].clientX - start;
		if (Math.abs(distance) > 60) {
			move(distance < 0 ? 1 : -1);
		}
	});

	const fromAddress = () => {
		const target = document.getElementById(location.hash.slice(1));
		const slide = target?.closest(".slide");
		show(slide ? slides.indexOf(slide) : 0);
	};
	addEventListener("hashchange", fromAddress);
	document.documentElement.classList.add("presenting");
	fromAddress();
})();
