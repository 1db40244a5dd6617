// Counts the answers to the six questions, in this browser only: nothing is sent, and nothing is stored.
const form = document.querySelector(".six-questions");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const questions = [...form.querySelectorAll("fieldset")];
  const chosen = questions.map((question) => question.querySelector("input:checked"));
  const right = questions.filter((question, place) => chosen[place]?.value === question.dataset.answer);
  const open = chosen.filter((choice) => !choice).length;
  form.querySelector("output").textContent =
    `${right.length} of ${questions.length} right.` + (open ? ` ${open} not answered.` : "");
});
