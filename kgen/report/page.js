// The slider of epochs moves the samples, the line in each chart, and the numbers above the charts.
"use strict";

const slider = document.getElementById("epoch");

// The last picture that was there at an epoch; before the first one, the first.
function pictureAt(pictures, epoch) {
  return pictures.findLast((picture) => Number(picture.dataset.epoch) <= epoch) ?? pictures[0];
}

function showSamples(figure, epoch) {
  const pictures = [...figure.querySelectorAll("img")];
  const chosen = pictureAt(pictures, epoch);
  if (!chosen) return;
  for (const picture of pictures) picture.hidden = picture !== chosen;
  figure.querySelector(".at").textContent = `epoch ${chosen.dataset.epoch}`;
}

function moveLine(chart, epoch) {
  const [low, high, start, end] = JSON.parse(chart.dataset.x);
  const line = chart.querySelector(".now");
  const x = start + (Math.min(Math.max(epoch, low), high) - low) / (high - low) * (end - start);
  line.setAttribute("x1", x);
  line.setAttribute("x2", x);
}

// The last number measured at an epoch; a run that ended before it says when.
function showNumber(number, epoch) {
  const values = JSON.parse(number.dataset.values);
  const last = Object.keys(values).map(Number).findLast((measured) => measured <= epoch);
  number.textContent = last === undefined ? "–" : values[last] + (last < epoch ? ` (epoch ${last})` : "");
}

function show() {
  const epoch = JSON.parse(slider.dataset.epochs)[slider.value];
  slider.setAttribute("aria-valuetext", `epoch ${epoch}`);
  document.querySelector("output[for=epoch]").textContent = epoch;
  for (const figure of document.querySelectorAll(".samples")) showSamples(figure, epoch);
  for (const chart of document.querySelectorAll("svg[data-x]")) moveLine(chart, epoch);
  for (const number of document.querySelectorAll("[data-values]")) {
    showNumber(number, epoch);
  }
}

if (slider) {
  slider.addEventListener("input", show);
  slider.parentElement.hidden = false;  // without a script there is nothing to slide
  show();
}
