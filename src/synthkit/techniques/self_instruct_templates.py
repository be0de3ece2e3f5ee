"""The prompts of Self-Instruct. Each is the default of a field, so that it can be replaced.

Their layout follows the paper's appendix (labelled blocks, the last one open), since models continue a regular
layout best; instructions and demonstrations are synthkit's own.
"""

TASKS = """\
You are extending a collection of tasks for an assistant that reads and writes text, and nothing else.
Continue the list below with new tasks, up to Task {{ last }}. Each new task differs from all others in its subject, \
in what has to be done and in how it is worded; questions, requests and terse commands are all welcome. A task stands \
on one line, starts with «Task» and its number, and can be done without pictures, sound or the web.

{% for task in demonstrations %}Task {{ loop.index }}: {{ task }}
{% endfor %}Task {{ demonstrations | length + 1 }}:"""

CLASSIFICATION = """\
A task is a classification task when its answer is one of a few labels that are known beforehand. Is the last task \
one? Answer Yes or No.

Task: Decide whether the customer's message is a complaint, a question or praise.
Is it classification? Yes

Task: Write a birthday greeting for a colleague who is about to retire.
Is it classification? No

Task: Does the second sentence follow from the first? Answer with "follows" or "does not follow".
Is it classification? Yes

Task: Turn the recipe into a shopping list.
Is it classification? No

Task: Which season do the lines of the poem describe: spring, summer, autumn or winter?
Is it classification? Yes

Task: Explain to a ten-year-old why the sea is salty.
Is it classification? No

Task: Name three rivers that flow through more than two countries.
Is it classification? No

Task: Rate the difficulty of the hiking route as easy, moderate or hard.
Is it classification? Yes

Task: Rewrite the paragraph in the past tense.
Is it classification? No

Task: Tell whether the number is prime. Output true or false.
Is it classification? Yes

Task: Find the factual mistake in the statement and correct it.
Is it classification? No

Task: Choose the right preposition for the gap: (a) in, (b) on, (c) at.
Is it classification? Yes

Task: {{ instruction }}
Is it classification?"""

OUTPUT_FIRST = """\
For the last of these classification tasks, write {% if max_instances == 1 %}one example{% else %}up to \
{{ max_instances }} examples{% endif %} in the same layout: first a line with the class \
label, then an input that this label is right for. Take different labels in turn, and give inputs real content \
instead of placeholders. Where a task needs no input, write the line with the label only.

Task: Decide whether the customer's message is a complaint, a question or praise.
Class label: complaint
Message: The parcel came a week late and the lamp inside was broken. I expect an answer today.
Class label: praise
Message: Just wanted to say that the new reading chair is even more comfortable than it looks. Well done!
Class label: question
Message: Do you also ship to Iceland, and what would that cost?

Task: Does the second sentence follow from the first? Answer with "follows" or "does not follow".
Class label: follows
Sentence 1: All the shops in the village close at noon on Saturdays.
Sentence 2: The village bakery is closed on Saturdays at three in the afternoon.
Class label: does not follow
Sentence 1: Some of the swimmers wore goggles.
Sentence 2: The winner wore goggles.

Task: Which planet is the largest of our solar system: (a) Saturn, (b) Jupiter, (c) Neptune?
Class label: (b)

Task: Rate the difficulty of the hiking route as easy, moderate or hard.
Class label: easy
Route: Forty minutes on a level gravel path around the lake, with benches.
Class label: hard
Route: Nine hours, 1,600 metres up, with a scramble along an exposed ridge that is secured by chains.
Class label: moderate
Route: Three hours through the woods to the lookout, 450 metres up, one steep stretch of steps.

Task: Read the loop and tell whether it ever ends. Output true if it does and false if not.
Class label: true
Code:
n = 40
while n > 1:
    n = n // 2
Class label: false
Code:
n = 1
while n != 0:
    n = n + 2

Task: {{ instruction }}"""

INPUT_FIRST = """\
For the last of these tasks, write {% if max_instances == 1 %}one example{% else %}up to \
{{ max_instances }} examples{% endif %} in the same layout: an input, then the output that \
solves the task for it, correct and complete. Give inputs real content instead of placeholders. Where a task \
needs no input, write the output only.

Task: Name three rivers that flow through more than two countries.
Output: The Danube, the Nile and the Mekong.

Task: Turn the recipe into a shopping list.
Example 1
Recipe: Whisk three eggs with a cup of milk and 150 g of flour, fry thin pancakes in butter and serve with apple sauce.
Output:
- 3 eggs
- milk (1 cup)
- flour (150 g)
- butter
- apple sauce
Example 2
Recipe: Roast two peppers and a bulb of garlic, then blend them with a tin of chickpeas and a spoonful of tahini.
Output:
- 2 peppers
- 1 bulb of garlic
- chickpeas (1 tin)
- tahini

Task: Rewrite the sentence in the past tense.
Example 1
Sentence: The bus stops in front of the library and a few students get off.
Output: The bus stopped in front of the library and a few students got off.
Example 2
Sentence: I know the way, so you don't need a guide.
Output: I knew the way, so you didn't need a guide.

Task: Write a birthday greeting for a colleague who is about to retire.
Output: Happy birthday, Ruth! May this last year with us be an easy one, and the next forty be full of the garden, the \
choir and late breakfasts.

Task: Work out what the order costs by the menu, and show the calculation.
Example 1
Menu: bowl of bean soup 4.50, slice of rye bread 0.80, pot of tea 2.80
Order: two bowls of soup and three slices of bread
Output: The soup costs 2 × 4.50 = 9.00 and the bread 3 × 0.80 = 2.40. Together that is 9.00 + 2.40 = 11.40.

Task: Write a Python function that does what the description says.
Example 1
Description: returns the words of a text that occur more than once, in alphabetical order
Output:
def repeated(text):
    words = text.lower().split()
    return sorted({word for word in words if words.count(word) > 1})

Task: {{ instruction }}"""
